/** Rules of kinds that are no workloads. */
import { condition, conditionText, count, list, part, type StatusRule, status } from './read.ts';

export const persistentVolumeClaim: StatusRule = (object) => {
  const phase = String(part(object, 'status').phase ?? 'Pending');
  if (phase === 'Bound') return status('current', 'bound');
  if (phase === 'Lost') return status('failed', 'its volume is lost');
  return status('inProgress', `phase ${phase}`);
};

/** A load balancer is there only with an address of its own; a cluster IP alone says nothing of it. */
export const service: StatusRule = (object) => {
  const spec = part(object, 'spec');
  if (spec.type !== 'LoadBalancer') return status('current', 'exists');
  const ingress = list(part(part(object, 'status'), 'loadBalancer'), 'ingress');
  return ingress.length === 0
    ? status('inProgress', 'no address from the load balancer yet')
    : status('current', `address ${String(ingress[0]?.ip ?? ingress[0]?.hostname ?? '')}`);
};

export const customResourceDefinition: StatusRule = (object) => {
  const names = condition(object, 'NamesAccepted');
  if (names?.status === 'False') return status('failed', conditionText(names));
  const established = condition(object, 'Established');
  if (established?.status === 'True') return status('current', 'established');
  return status('inProgress', established === undefined ? 'not yet established' : conditionText(established));
};

export const namespace: StatusRule = (object) => {
  const phase = String(part(object, 'status').phase ?? 'Active');
  return phase === 'Active' ? status('current', 'active') : status('terminating', `phase ${phase}`);
};

export const podDisruptionBudget: StatusRule = (object) => {
  const state = part(object, 'status');
  const healthy = count(state, 'currentHealthy');
  const wanted = count(state, 'desiredHealthy');
  return healthy >= wanted
    ? status('current', `${healthy} of ${wanted} healthy`)
    : status('inProgress', `${healthy} of ${wanted} healthy`);
};
