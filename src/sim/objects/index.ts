export type { ChangeFile, FileEntry } from './change-file.ts';
export { openChangeFile } from './change-file.ts';
export {
  changesIntent,
  countsGenerations,
  deletionStep,
  FOREGROUND,
  finalizerErrors,
  graceSecondsOf,
  isFinished,
  keepServerMetadata,
  kubeTime,
  ORPHAN,
  uidErrors,
  uuid,
} from './lifecycle.ts';
export type { ObjectStoreOptions, StoredChange } from './store.ts';
export { keyOf, keyOfObject, ObjectStore } from './store.ts';
