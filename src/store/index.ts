export { commandMasterKey, fileMasterKey, valueMasterKey } from './master-key.ts';
export type { MemoryStore, MemoryStoreOptions } from './memory-store.ts';
export { memoryStore } from './memory-store.ts';
export type { MemoryDisk } from './memory-tables.ts';
export { memoryDisk } from './memory-tables.ts';
export { backupStore, existingState, rearmStore, restoreStore } from './restore.ts';
export type { SqliteStoreOptions } from './sqlite-store.ts';
export { openStore } from './sqlite-store.ts';
export type { MasterKey, SqliteStore } from './types.ts';
