export type { AvailabilityPorts } from './availability.ts';
export { createAvailability } from './availability.ts';
export { availabilityProjector } from './records.ts';
export type {
  Availability,
  AvailabilityStatus,
  BelowMinimum,
  Brake,
  ClusterSignals,
  Cooldown,
  DrainView,
  Health,
  HealthRecord,
  HealthTimers,
  Intent,
  MoveBudget,
  Waiting,
} from './types.ts';
export { defaultBudget, defaultTimers } from './types.ts';
