/** The surface of the patch room: the three kinds of patch beside apply. */
export { jsonPatch } from './json-patch.ts';
export { mergePatch } from './merge-patch.ts';
export type { PatchOutcome } from './outcome.ts';
export { strategicMergePatch } from './strategic-merge-patch.ts';
