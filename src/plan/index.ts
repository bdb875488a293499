export type { AmendOutcome, AmendRequest } from './amend.ts';
export { amendPlan } from './amend.ts';
export type { BundleRequest } from './bundle.ts';
export { fieldManager, isGround, renderBundle, serviceAccountOf } from './bundle.ts';
export type { CommittedLocation, LocationDifference } from './difference.ts';
export { difference } from './difference.ts';
export { changedFields } from './fields.ts';
export { locationId, shortId } from './location.ts';
export type { PlanOutcome, PlanRequest } from './make.ts';
export { bundleAmounts, currentLocations, makePlan, makeRetirePlan } from './make.ts';
export { planMermaid } from './mermaid.ts';
export { planJson, planText } from './render.ts';
export type {
  Bundle,
  CreatedObject,
  Ensured,
  HttpHealth,
  Location,
  LocationChange,
  LocationId,
  LocationRevision,
  PlacementReason,
  Plan,
  PlanAmendment,
  Rollout,
  ServiceAccountRef,
  StackRef,
  Step,
  StepKind,
  StepPhase,
  StepWork,
  TransactionKind,
} from './types.ts';
export type { WaveCluster } from './waves.ts';
export { wavesOf } from './waves.ts';
