/**
 * Processes of pods listen on loopback addresses, 127.64.0.0 and above, and a real API server takes none of these into an
 * EndpointSlice. So pods show the same address below 10.0.0.0/8, and whoever dials one of ours turns it back.
 */
const PODS = { from: 64, to: 191 } as const;

/** `127.64.1.2` → `10.64.1.2`. */
export function shownAddress(address: string): string {
  return address.replace(/^127\./, '10.');
}

/** `10.64.1.2` → `127.64.1.2`; loopback stays. Undefined for an address that is not of this machine. */
export function dialledAddress(shown: string): string | undefined {
  const match = /^(10|127)\.(\d{1,3})(\.\d{1,3}\.\d{1,3})$/.exec(shown);
  if (match === null) return undefined;
  const [, network, second = '', rest = ''] = match;
  if (network === '127') return shown;
  return Number(second) >= PODS.from && Number(second) <= PODS.to ? `127.${second}${rest}` : undefined;
}
