/** What controllers call the things that they make: so that events of a pod that is gone still find whose they are. Pure. */
import type { KubeObject } from '../base/index.ts';
import { list, part } from './status/read.ts';

/** Hashes and suffixes have neither vowels nor the digits that look like some: `shop-api` is no pod of `shop`. */
const SAFE = '[bcdfghjklmnpqrstvwxz2456789]';
const SUFFIX = `${SAFE}{5}`;
const HASH = `${SAFE}{1,10}`;

/** Whether something of that kind and name is the object, or was made for it by the controllers of its kind. */
export function descendantsByName(object: KubeObject): (kind: string, name: string) => boolean {
  const own = escaped(object.metadata.name);
  const patterns = patternsOf(object, own).map(([kind, pattern]) => [kind, new RegExp(`^${pattern}$`)] as const);
  // most of what is asked is about something else: that is told without a pattern
  return (kind, name) =>
    name.includes(object.metadata.name) &&
    patterns.some(([of, pattern]) => (of === kind || of === ANY) && pattern.test(name));
}

const ANY = '*';

function patternsOf(object: KubeObject, own: string): readonly (readonly [kind: string, pattern: string])[] {
  const itself = [object.kind, own] as const;
  switch (`${object.apiVersion.split('/')[0]} ${object.kind}`) {
    case 'apps Deployment':
      return [itself, ['ReplicaSet', `${own}-${HASH}`], ['Pod', `${own}-${HASH}-${SUFFIX}`]];
    case 'apps StatefulSet': {
      const claims = list(part(object, 'spec'), 'volumeClaimTemplates').map((claim) =>
        escaped(String(part(claim, 'metadata').name)),
      );
      return [
        itself,
        ['Pod', `${own}-\\d+`],
        ...claims.map((claim) => ['PersistentVolumeClaim', `${claim}-${own}-\\d+`] as const),
      ];
    }
    case 'apps ReplicaSet':
    case 'apps DaemonSet':
    case 'v1 ReplicationController':
      return [itself, ['Pod', `${own}-${SUFFIX}`]];
    case 'batch Job':
      return [itself, ['Pod', `${own}(?:-\\d+)?-${SUFFIX}`]];
    case 'batch CronJob':
      return [itself, ['Job', `${own}-\\d+`], ['Pod', `${own}-\\d+(?:-\\d+)?-${SUFFIX}`]];
    default:
      // operators call what they make after what they were asked for
      return object.apiVersion.includes('.') ? [itself, [ANY, `${own}-.+`]] : [itself];
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
