export { addAmounts, demandOf, podOf, readDemand } from './demand.ts';
export { stackDigest } from './digest.ts';
export { filesOf, isNamedBy } from './files.ts';
export { stackJsonSchema } from './json-schema.ts';
export { groupKind, isBuiltinGroup, isScalable } from './kinds.ts';
export { manifestEntries } from './outline.ts';
export { applyOverrides } from './override.ts';
export type { ParsedStack } from './parse.ts';
export { parseStack } from './parse.ts';
export type { Resolution } from './resolve.ts';
export { readStack, resolve } from './resolve.ts';
export { matchesSelector, selectorMismatch } from './selector.ts';
export type {
  Amounts,
  ClusterSelector,
  Demand,
  Files,
  LabelSelector,
  Override,
  ResolvedDatabase,
  ResolvedFunction,
  ResolvedStack,
  Stack,
  StackDatabase,
  StackFunction,
  Toleration,
} from './types.ts';
export { durationMs } from './units.ts';
