export { abandonUnfinished } from './abandon.ts';
export { createEngine } from './engine.ts';
export type { DataOf, EventType, Held, TransactionEntry } from './events.ts';
export type { EngineLimits, EnginePorts } from './ports.ts';
export type { KeptDocument, OwedDocument } from './project.ts';
export { projectTransaction } from './project.ts';
export type {
  Engine,
  NewTransaction,
  Operation,
  OwedWork,
  Replan,
  RollbackVerified,
  StepStatus,
  StepView,
  TransactionFilter,
  TransactionId,
  TransactionState,
  TransactionSummary,
  TransactionView,
} from './types.ts';
