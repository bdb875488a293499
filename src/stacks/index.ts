export { type Adoption, type AdoptionReport, adoptionEntries, adoptions } from './adopt.ts';
export { createInsight, type InsightPorts } from './insight.ts';
export { createStacksProjector } from './project.ts';
export type { LocationRecord, StackRecord, StaleRecord } from './records.ts';
export { collections, locationsOn } from './records.ts';
export type { StacksPorts } from './room.ts';
export type { StacksRoom } from './stacks.ts';
export { createStacks } from './stacks.ts';
export type {
  ApplyOptions,
  ApplyResult,
  ClusterCondition,
  ClusterStream,
  FunctionView,
  Insight,
  InsightFilter,
  LocationReasons,
  LocationView,
  MoveEvidence,
  Moves,
  ObjectDiff,
  PlanResult,
  RevisionView,
  StackSource,
  StackSummary,
  Stacks,
  StreamQuery,
  Told,
  WhatIfView,
} from './types.ts';
