import { list, part, type StatusRule, status, text } from './read.ts';

/**
 * An Ingress exists, that is all that can be asked: many controllers serve one without ever writing an address into its
 * status. A user whose controller does can ask for it by `health.cel`.
 */
export const ingress: StatusRule = (object) => {
  const addresses = list(part(part(object, 'status'), 'loadBalancer'), 'ingress');
  const address = addresses.map((one) => text(one, 'ip') ?? text(one, 'hostname')).find((one) => one !== undefined);
  return status('current', address === undefined ? 'exists; no address reported' : `address ${address}`);
};
