import { type Digest, digestOf, type KubeObject } from '../base/index.ts';
import type { ResolvedPart, ResolvedStack } from './types.ts';

/**
 * What a revision is: the definition with its defaults and every object. `cut` takes the values out of Secrets first
 * (base `cutSecret`), so that the digest says nothing of them and yet changes with them.
 */
export function stackDigest(stack: ResolvedStack, cut: (object: KubeObject) => KubeObject): Digest {
  const contents = (parts: readonly ResolvedPart[]) =>
    parts.map(({ name, objects }) => ({ name, objects: objects.map(cut) }));
  return digestOf({
    stack: stack.stack,
    functions: contents(stack.functions),
    databases: contents(stack.databases),
  });
}
