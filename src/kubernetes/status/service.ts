import { conditionText, isTrue, list, part, type StatusRule, status, text } from './read.ts';

/** A load balancer is there only with an address of its own; a cluster IP alone says nothing of it. Others just exist. */
export const service: StatusRule = (object) => {
  if (part(object, 'spec').type !== 'LoadBalancer') return status('current', 'exists');
  const ports = isTrue(object, 'LoadBalancerPortsError');
  if (ports !== undefined) return status('inProgress', conditionText(ports));
  const address = list(part(part(object, 'status'), 'loadBalancer'), 'ingress')
    .map((one) => text(one, 'ip') ?? text(one, 'hostname'))
    .find((one) => one !== undefined);
  return address === undefined
    ? status('inProgress', 'no address from the load balancer yet')
    : status('current', `address ${address}`);
};
