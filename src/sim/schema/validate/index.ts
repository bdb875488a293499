/** Whether an object may be stored: the rules of built-in kinds, and those of custom schemas, in a real server's words. */
import type { KubeObject } from '../../../base/index.ts';
import type { FieldError, ResourceInfo } from '../../types.ts';
import { custom } from './custom.ts';
import { checkMetadata } from './metadata.ts';
import * as others from './others.ts';
import { Report } from './report.ts';
import * as workloads from './workloads.ts';

interface Rules {
  readonly object?: (report: Report, object: KubeObject) => void;
  readonly change?: (report: Report, object: KubeObject, before: KubeObject) => void;
}

const RULES: { readonly [groupKind: string]: Rules } = {
  '/ConfigMap': { object: others.configMap, change: others.fixedData },
  '/Secret': { object: others.secret, change: others.fixedData },
  '/Service': { object: others.service, change: others.fixedService },
  '/Pod': { object: workloads.pod, change: workloads.fixedPod },
  '/PersistentVolume': { object: others.persistentVolume },
  '/PersistentVolumeClaim': { object: others.persistentVolumeClaim, change: others.fixedClaim },
  'apps/Deployment': { object: workloads.deployment, change: workloads.fixedSelector },
  'apps/ReplicaSet': { object: workloads.replicaSet, change: workloads.fixedSelector },
  'apps/DaemonSet': { object: workloads.daemonSet, change: workloads.fixedSelector },
  'apps/StatefulSet': { object: workloads.statefulSet, change: workloads.fixedStatefulSet },
  'batch/Job': { object: workloads.job, change: workloads.fixedJob },
  'batch/CronJob': { object: workloads.cronJob },
  'autoscaling/HorizontalPodAutoscaler': { object: others.horizontalPodAutoscaler },
  'coordination.k8s.io/Lease': { object: others.lease },
  'networking.k8s.io/Ingress': { object: others.ingress },
  'networking.k8s.io/NetworkPolicy': { object: others.networkPolicy },
  'policy/PodDisruptionBudget': { object: others.podDisruptionBudget },
  'rbac.authorization.k8s.io/RoleBinding': { change: others.fixedRoleRef },
  'rbac.authorization.k8s.io/ClusterRoleBinding': { change: others.fixedRoleRef },
  'storage.k8s.io/StorageClass': { change: others.fixedStorageClass },
};

/**
 * What is wrong with a defaulted object; nothing: it may be stored. `before` is the object that it replaces: what may
 * not change is compared with it.
 */
export function validate(object: KubeObject, resource: ResourceInfo, before?: KubeObject): readonly FieldError[] {
  const report = new Report();
  checkMetadata(report, object, resource);
  const { schema } = resource;
  if (schema !== undefined && schema.ref === undefined) {
    custom(report, object, schema, before);
    return report.errors;
  }
  const rules = RULES[`${resource.group}/${resource.kind}`];
  rules?.object?.(report, object);
  if (before !== undefined) rules?.change?.(report, object, before);
  return report.errors;
}
