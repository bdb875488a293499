/** Whether an object may be stored: the rules of built-in kinds, and those of custom schemas, in a real server's words. */
import type { KubeObject } from '../../../base/index.ts';
import type { FieldError, ResourceInfo } from '../../types.ts';
import * as autoscaling from './autoscaling.ts';
import * as cluster from './cluster.ts';
import { custom } from './custom.ts';
import { definition } from './definition.ts';
import * as events from './events.ts';
import * as jobs from './jobs.ts';
import { checkMetadata } from './metadata.ts';
import * as network from './network.ts';
import * as others from './others.ts';
import * as quotas from './quotas.ts';
import { Report } from './report.ts';
import * as roles from './roles.ts';
import * as services from './services.ts';
import * as storage from './storage.ts';
import * as workloads from './workloads.ts';

interface Rules {
  readonly object?: (report: Report, object: KubeObject) => void;
  readonly change?: (report: Report, object: KubeObject, before: KubeObject) => void;
  /** Of what is written through `/status` only the metadata is looked at. */
  readonly freeStatus?: true;
}

const RULES: { readonly [groupKind: string]: Rules } = {
  '/ConfigMap': { object: others.configMap, change: others.fixedData },
  '/Secret': { object: others.secret, change: others.fixedData },
  '/Service': { object: services.service, change: services.changedService },
  '/Pod': { object: workloads.pod, change: workloads.fixedPod },
  '/PersistentVolume': { object: storage.persistentVolume, change: storage.persistentVolume },
  '/PersistentVolumeClaim': { object: storage.persistentVolumeClaim, change: storage.fixedClaim },
  'apps/Deployment': { object: workloads.deployment, change: workloads.fixedSelector },
  'apps/ReplicaSet': { object: workloads.replicaSet, change: workloads.fixedSelector },
  'apps/DaemonSet': { object: workloads.daemonSet, change: workloads.fixedSelector },
  'apps/StatefulSet': { object: workloads.statefulSet, change: workloads.fixedStatefulSet },
  'batch/Job': { object: jobs.job, change: jobs.fixedJob },
  'batch/CronJob': { object: jobs.cronJob },
  'autoscaling/HorizontalPodAutoscaler': { object: autoscaling.horizontalPodAutoscaler },
  'certificates.k8s.io/CertificateSigningRequest': {
    object: cluster.certificateRequest,
    change: cluster.fixedVerdict,
  },
  'coordination.k8s.io/Lease': { object: others.lease },
  'networking.k8s.io/Ingress': { object: network.ingress },
  'networking.k8s.io/NetworkPolicy': { object: network.networkPolicy },
  'policy/PodDisruptionBudget': { object: others.podDisruptionBudget },
  'rbac.authorization.k8s.io/Role': { object: roles.role },
  'rbac.authorization.k8s.io/ClusterRole': { object: roles.role },
  'rbac.authorization.k8s.io/RoleBinding': { object: roles.roleBinding, change: roles.fixedRoleRef },
  'rbac.authorization.k8s.io/ClusterRoleBinding': { object: roles.roleBinding, change: roles.fixedRoleRef },
  'storage.k8s.io/StorageClass': { object: storage.storageClass, change: storage.fixedStorageClass },
  '/Endpoints': { object: services.endpoints },
  '/Event': { object: events.coreEvent },
  '/LimitRange': { object: quotas.limitRange },
  '/Namespace': { change: cluster.namespaceStatus },
  '/Node': { object: cluster.node, change: cluster.fixedNode },
  '/PodTemplate': { object: workloads.podTemplate },
  '/ReplicationController': { object: workloads.replicationController },
  '/ResourceQuota': { object: quotas.resourceQuota },
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': { object: cluster.webhooks },
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': { object: cluster.webhooks },
  'apiextensions.k8s.io/CustomResourceDefinition': { object: definition, freeStatus: true },
  'apps/ControllerRevision': { object: cluster.controllerRevision, change: cluster.fixedRevision },
  'discovery.k8s.io/EndpointSlice': { object: services.endpointSlice, change: services.fixedEndpointSlice },
  'events.k8s.io/Event': { object: events.newEvent, change: events.fixedEvent },
  'networking.k8s.io/IngressClass': { object: network.ingressClass, change: network.fixedIngressClass },
  'scheduling.k8s.io/PriorityClass': { object: cluster.priorityClass, change: cluster.fixedPriorityClass },
};

/**
 * What is wrong with a defaulted object; nothing: it may be stored. `before` is the object that it replaces: what may
 * not change is compared with it.
 */
export function validate(
  object: KubeObject,
  resource: ResourceInfo,
  before?: KubeObject,
  subresource = '',
): readonly FieldError[] {
  const report = new Report();
  checkMetadata(report, object, resource);
  const { schema } = resource;
  if (schema !== undefined && schema.ref === undefined) {
    custom(report, object, schema, before);
    return report.errors;
  }
  const rules = RULES[`${resource.group}/${resource.kind}`];
  if (rules?.freeStatus === true && subresource === 'status') return report.errors;
  rules?.object?.(report, object);
  if (before !== undefined) rules?.change?.(report, object, before);
  return report.errors;
}
