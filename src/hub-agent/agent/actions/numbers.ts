/**
 * Addresses and ports that a server gave a Service. Nobody owns them, so that no apply brings them back: one apply takes them,
 * and the next, which no longer names them, gives up owning them; the server keeps what a Service has (its allocator's rule).
 */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../../base/index.ts';

const NUMBERS = ['clusterIP', 'clusterIPs', 'healthCheckNodePort'];

/** `wanted` with the numbers of then that are not had now; undefined: there are none, or it is no Service. */
export function withNumbers(
  wanted: KubeObject,
  past: KubeObject,
  live: KubeObject | undefined,
): KubeObject | undefined {
  if (past.apiVersion !== 'v1' || past.kind !== 'Service') return undefined;
  const [then, now] = [specOf(past), live === undefined ? {} : specOf(live)];
  const fields = NUMBERS.filter((name) => given(then[name]) && !given(now[name]));
  const before = portsOf(then);
  const missing = before.filter((port) => given(port.nodePort) && !portsOf(now).some((other) => other.nodePort === port.nodePort)); // biome-ignore format: one line
  if (fields.length === 0 && missing.length === 0) return undefined;
  const spec = specOf(wanted);
  const ports = portsOf(spec).map((port) => {
    const former = missing.find((other) => sameTarget(port, other));
    return former?.nodePort === undefined ? port : { ...port, nodePort: former.nodePort };
  });
  const asked = Object.fromEntries(fields.map((name) => [name, then[name] as Json]));
  return { ...wanted, spec: { ...spec, ...asked, ...(ports.length === 0 ? {} : { ports }) } } as unknown as KubeObject;
}

function specOf({ spec }: KubeObject): JsonObject {
  return isObject(spec) ? spec : {};
}

function portsOf({ ports }: JsonObject): readonly JsonObject[] {
  return Array.isArray(ports) ? ports.filter(isObject) : [];
}

function sameTarget(a: JsonObject, b: JsonObject): boolean {
  return a.port === b.port && (a.protocol ?? 'TCP') === (b.protocol ?? 'TCP');
}

/** A headless Service's `None` is no address, and its owner says it. */
function given(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(given);
  return value !== undefined && value !== null && value !== '' && value !== 0 && value !== 'None';
}
