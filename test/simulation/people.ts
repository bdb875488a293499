/** What people want of the small world: two stacks of a few ConfigMaps. */
import type { StackSource } from '../../src/stacks/index.ts';

/** Stacks of the small world, and how many objects each location of theirs has. */
export const STACKS = { web: 3, api: 2 } as const;
export type StackName = keyof typeof STACKS;

export function sourceOf(name: StackName, version: string): StackSource {
  const objects = Array.from({ length: STACKS[name] }, (_, index) =>
    ['apiVersion: v1', 'kind: ConfigMap', `metadata: { name: c${index} }`, `data: { version: "${version}" }`].join(
      '\n',
    ),
  );
  const stack = [
    'apiVersion: ldc.dev/v1',
    'kind: Stack',
    `metadata: { name: ${name} }`,
    'spec:',
    `  namespace: ${name}`,
    '  functions:',
    '    - name: fn',
    '      manifests: [ ./fn.yaml ]',
    '      availability: { locations: { min: 2, max: 2 } }',
    '  rollout: { waves: [ 1, 100% ], soak: 0s, minReady: 0s }',
    '',
  ].join('\n');
  return { path: 'stack.yaml', stack, files: { 'fn.yaml': objects.join('\n---\n') } };
}
