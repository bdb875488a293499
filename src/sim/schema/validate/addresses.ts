/** Rules about IP addresses and ranges. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { Json } from '../../../base/index.ts';
import type { Report } from './report.ts';

const NO_ADDRESS = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const NO_RANGE = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** Answers whether it is an address. */
export function checkAddress(report: Report, field: string, value: Json | undefined): boolean {
  const isAddress = typeof value === 'string' && isIP(value) !== 0;
  if (!isAddress) report.invalid(field, value, NO_ADDRESS);
  return isAddress;
}

/** Where the pods of an embedded cluster are (`kubelet/addresses.ts`): loopback to the machine, but not to the cluster. */
const PODS = new BlockList();
PODS.addRange('127.64.0.0', '127.255.255.255', 'ipv4');

/** An address that traffic may be sent to: none of the machine itself or of the link. */
export function checkReachable(report: Report, field: string, address: string): void {
  if (address === '0.0.0.0' || address === '::') report.invalid(field, address, `may not be unspecified (${address})`);
  if ((address.startsWith('127.') && !PODS.check(address, 'ipv4')) || address === '::1') {
    report.invalid(field, address, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  }
  if (address.startsWith('169.254.') || address.toLowerCase().startsWith('fe80:')) {
    report.invalid(field, address, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  }
  if (address.startsWith('224.0.0.')) {
    report.invalid(field, address, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
}

function rangeOf(value: Json | undefined): { readonly address: string; readonly bits: number } | undefined {
  if (typeof value !== 'string') return undefined;
  const [address = '', length = '', ...rest] = value.split('/');
  const bits = Number(length);
  const most = isIPv4(address) ? 32 : 128;
  const isRange = isIP(address) !== 0 && /^\d{1,3}$/.test(length) && bits <= most && rest.length === 0;
  return isRange ? { address, bits } : undefined;
}

/** Answers whether it is a range. */
export function checkRange(report: Report, field: string, value: Json | undefined): boolean {
  const isRange = rangeOf(value) !== undefined;
  if (!isRange) report.invalid(field, value, NO_RANGE);
  return isRange;
}

/** Whether one range lies in another and is smaller. */
export function isStrictSubset(inner: Json | undefined, outer: Json | undefined): boolean {
  const [part, whole] = [rangeOf(inner), rangeOf(outer)];
  if (part === undefined || whole === undefined || part.bits <= whole.bits) return false;
  if (isIP(part.address) !== isIP(whole.address)) return false;
  const block = new BlockList();
  const family = isIPv4(whole.address) ? 'ipv4' : 'ipv6';
  block.addSubnet(whole.address, whole.bits, family);
  return block.check(part.address, family);
}
