/** The surface of the apply room: server-side apply and field ownership. */
export type { ApplyRequest, UpdateRequest } from './apply.ts';
export { apply, trackUpdate } from './apply.ts';
export { goText } from './check.ts';
export type { ReplicaPaths, Scaled, ScaleRequest } from './scale.ts';
export { applyScale, SCALE, trackScale } from './scale.ts';
