/** The agent's pod, fit for the `restricted` Pod Security profile, and what it is started with. */
import type { KubeObject } from '../../base/index.ts';

const NAME = 'ldc-agent';
const JOIN = 'ldc-join';
const LABELS = { app: NAME };

/** By what it joins, the first time. The token is worth nothing afterwards. */
export function joinSecret(namespace: string, join: { hub: string; token: string; name: string }): KubeObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: JOIN, namespace }, stringData: { ...join } };
}

/** Nothing dials into an agent: it opens the only line itself. */
export function networkPolicy(namespace: string): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: NAME, namespace },
    spec: { podSelector: { matchLabels: LABELS }, policyTypes: ['Ingress'] },
  };
}

export function workload(namespace: string, account: string, image: string): KubeObject {
  const secret = (name: string, key: string) => ({ name, valueFrom: { secretKeyRef: { name: JOIN, key } } });
  const container = {
    name: 'agent',
    image,
    args: ['agent', '--hub', '$(LDC_HUB)', '--name', '$(LDC_CLUSTER)'],
    env: [secret('LDC_HUB', 'hub'), secret('LDC_JOIN_TOKEN', 'token'), secret('LDC_CLUSTER', 'name')],
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
  const pod = {
    serviceAccountName: account,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace, labels: LABELS },
    spec: {
      replicas: 1, // more wait for the Lease; one acts
      strategy: { type: 'Recreate' },
      selector: { matchLabels: LABELS },
      template: { metadata: { labels: LABELS }, spec: pod },
    },
  };
}
