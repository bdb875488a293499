export type { Share } from './divide.ts';
export { divide } from './divide.ts';
export { compileCel } from './expression.ts';
export { domainValue, withReserved } from './fleet.ts';
export { explain, place } from './place.ts';
export type {
  ClusterView,
  CompileExpression,
  CurrentLocation,
  Explanation,
  ExpressionInput,
  FleetSnapshot,
  PlacedLocation,
  Placement,
  PlaceRequest,
  ReasonGroup,
  Taint,
  Unmet,
} from './types.ts';
export type { RunningStack, WhatIf, WhatIfRequest } from './what-if.ts';
export { survive, whatIf } from './what-if.ts';
