/** What an object means where it says nothing: the defaults of built-in kinds, and those of custom schemas. */
import type { Json, JsonObject, KubeObject } from '../../../base/index.ts';
import type { ResourceInfo } from '../../types.ts';
import { throughWire } from '../wire.ts';
import { withSchemaDefaults } from './custom.ts';
import { type Draft, made } from './draft.ts';
import * as others from './others.ts';
import { pod, podTemplate } from './pod.ts';
import * as workloads from './workloads.ts';

const DEFAULTERS: { readonly [groupKind: string]: (object: Draft, sent: Draft) => void } = {
  '/Pod': pod,
  '/PodTemplate': podTemplate,
  '/ReplicationController': workloads.replicationController,
  '/PersistentVolumeClaim': workloads.persistentVolumeClaim,
  '/PersistentVolume': others.persistentVolume,
  '/Service': others.service,
  '/Secret': others.secret,
  '/Namespace': others.namespace,
  '/Endpoints': others.endpoints,
  '/LimitRange': others.limitRange,
  'apps/Deployment': workloads.deployment,
  'apps/ReplicaSet': workloads.replicaSet,
  'apps/StatefulSet': workloads.statefulSet,
  'apps/DaemonSet': workloads.daemonSet,
  'batch/Job': workloads.job,
  'batch/CronJob': workloads.cronJob,
  'autoscaling/HorizontalPodAutoscaler': others.horizontalPodAutoscaler,
  'networking.k8s.io/NetworkPolicy': others.networkPolicy,
  'discovery.k8s.io/EndpointSlice': others.endpointSlice,
  'rbac.authorization.k8s.io/RoleBinding': others.roleBinding,
  'rbac.authorization.k8s.io/ClusterRoleBinding': others.roleBinding,
  'scheduling.k8s.io/PriorityClass': others.priorityClass,
  'storage.k8s.io/StorageClass': others.storageClass,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': others.validatingWebhooks,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': others.mutatingWebhooks,
  'apiextensions.k8s.io/CustomResourceDefinition': others.customResourceDefinition,
};

/**
 * The object as a server would hold it: sent through its type (nulls and empty values gone, quantities canonical) and
 * with defaults. A new object; idempotent. What the server *allocates* (cluster IPs, node ports, uid) is not made here.
 */
export function applyDefaults(object: KubeObject, resource: ResourceInfo): KubeObject {
  const { schema } = resource;
  if (schema === undefined) return object;
  if (schema.ref === undefined) return withSchemaDefaults(object as Json, schema) as unknown as KubeObject;
  const draft = throughWire(object as JsonObject, schema) as Draft;
  made(draft, 'metadata');
  DEFAULTERS[`${resource.group}/${resource.kind}`]?.(draft, object as Draft);
  return draft as unknown as KubeObject;
}
