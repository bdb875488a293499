/** What the scenarios deploy: small, with images that nothing pulls. */

export const workload = (kind: string, name: string, more = '', replicas = 2): string => `
apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${name}, labels: { app: ${name}, tier: front } }
spec:
  ${kind === 'DaemonSet' ? '' : `replicas: ${replicas}`}
  ${kind === 'StatefulSet' ? `serviceName: ${name}` : ''}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [ { name: c, image: "example.invalid/${name}:1", ports: [ { containerPort: 80 } ] } ]
${more}`;

export const CONFIG = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, labels: { app: web, tier: back } }
data: { mode: fast, lines: "one\\ntwo\\n" }
`;

export const OBJECTS = `
${CONFIG}
---
apiVersion: v1
kind: Secret
metadata: { name: password, labels: { app: web } }
type: Opaque
stringData: { word: sesame }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: robot, labels: { app: web } }
---
apiVersion: v1
kind: Service
metadata: { name: web, labels: { app: web } }
spec: { selector: { app: web }, ports: [ { name: http, port: 80, targetPort: 8080 } ] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, labels: { app: web } }
spec:
  ingressClassName: edge
  rules: [ { host: shop.example.invalid, http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } } ] } } ]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web, labels: { app: web } }
spec: { minAvailable: 1, selector: { matchLabels: { app: web } } }
---
apiVersion: v1
kind: ResourceQuota
metadata: { name: caps, labels: { app: web } }
spec: { hard: { pods: "20", configmaps: "10" } }
---
apiVersion: v1
kind: LimitRange
metadata: { name: sizes, labels: { app: web } }
spec: { limits: [ { type: Container, defaultRequest: { cpu: 10m, memory: 16Mi } } ] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, labels: { app: web } }
rules: [ { apiGroups: [ "" ], resources: [ pods, pods/log ], verbs: [ get, list ] } ]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, labels: { app: web } }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [ { kind: ServiceAccount, name: robot, namespace: $NS } ]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: closed, labels: { app: web } }
spec: { podSelector: { matchLabels: { app: web } }, policyTypes: [ Ingress ] }
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: nightly, labels: { app: web } }
spec:
  schedule: "0 3 * * *"
  suspend: true
  jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [ { name: c, image: "example.invalid/job:1" } ] } } } }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: disk, labels: { app: web } }
spec: { accessModes: [ ReadWriteOnce ], storageClassName: none-such, resources: { requests: { storage: 1Gi } } }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web, labels: { app: web } }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  minReplicas: 1
  maxReplicas: 3
  metrics: [ { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } } ]
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: { name: held, labels: { app: web } }
spec: { holderIdentity: me, leaseDurationSeconds: 15 }
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: $NS, labels: { app: web } }
value: 7
description: of the matrix
`;

export const CRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.$NS.example.com }
spec:
  group: $NS.example.com
  scope: Namespaced
  names: { plural: gadgets, singular: gadget, kind: Gadget, shortNames: [ gg ], categories: [ things ] }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {}, scale: { specReplicasPath: .spec.count, statusReplicasPath: .status.count } }
      additionalPrinterColumns:
        - { name: Size, type: string, jsonPath: .spec.size, description: How big it is. }
        - { name: Count, type: integer, jsonPath: .spec.count, priority: 1 }
        - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
      schema:
        openAPIV3Schema:
          type: object
          description: A gadget of the matrix.
          properties:
            spec:
              type: object
              required: [ size ]
              properties:
                size: { type: string, enum: [ big, small ], description: How big it is. }
                count: { type: integer, minimum: 0, default: 1 }
                parts: { type: array, items: { type: object, properties: { name: { type: string } } } }
            status: { type: object, properties: { count: { type: integer }, phase: { type: string } } }
`;

export const gadget = (size: string): string => `
apiVersion: $NS.example.com/v1
kind: Gadget
metadata: { name: one }
spec: { size: ${size} }
`;
