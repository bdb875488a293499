/** A write's object before and after the mutating webhooks, which see it as it was sent: without what the server adds. */
import type { KubeObject, ObjectMeta } from '../../base/index.ts';
import { applyDefaults } from '../schema/index.ts';
import { mutated } from './admit-webhooks.ts';
import type { Call, Cluster } from './cluster.ts';
import { onWire, prepareUpdate } from './strategy.ts';
import { hasWebhooks } from './webhook-match.ts';

/** What no webhook changes: identity, and who owns what. */
function withOwn(object: KubeObject, own: ObjectMeta, names: readonly string[]): KubeObject {
  const metadata: { [name: string]: ObjectMeta[string] } = { ...object.metadata };
  for (const name of names) {
    if (own[name] === undefined) delete metadata[name];
    else metadata[name] = own[name];
  }
  return { ...object, metadata: metadata as ObjectMeta };
}

const OWN = ['name', 'namespace', 'uid', 'creationTimestamp', 'generateName', 'managedFields'];

/** @throws Unanswered, ApiError. */
export function hookedCreate(cluster: Cluster, call: Call, sent: KubeObject, object: KubeObject): KubeObject {
  if (call.isExempt || !hasWebhooks(cluster)) return object;
  const { uid: _uid, creationTimestamp: _created, name, ...rest } = object.metadata;
  const isNamed = (sent.metadata.name ?? '') !== '';
  const metadata = (isNamed ? { ...rest, name } : rest) as ObjectMeta;
  const shown = { ...object, metadata };
  const next = mutated(cluster, { ...call, name: isNamed ? name : '' }, { operation: 'CREATE', object: shown });
  if (next === shown) return object;
  return withOwn(onWire(applyDefaults(next, call.resource), call.resource), object.metadata, OWN);
}

/** @param prepared the object as it would be stored without webhooks. @throws Unanswered, ApiError. */
export function hookedUpdate(
  cluster: Cluster,
  call: Call,
  live: KubeObject,
  sent: KubeObject,
  prepared: KubeObject,
): KubeObject {
  const { resource, subresource } = call;
  if (call.isExempt || !hasWebhooks(cluster) || subresource === 'scale' || subresource === 'binding') return prepared;
  const asSent = onWire(applyDefaults(sent, resource), resource);
  const shown = withOwn(asSent, prepared.metadata, ['namespace', 'managedFields']);
  const next = mutated(cluster, call, { operation: 'UPDATE', object: shown, before: live });
  if (next === shown) return prepared;
  const custom = cluster.registry.isCustom(resource);
  const again = prepareUpdate(resource, live, next, subresource, custom, cluster.clock.now());
  return withOwn(onWire(applyDefaults(again, resource), resource), prepared.metadata, OWN);
}
