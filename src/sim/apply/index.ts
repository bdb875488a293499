/** The surface of the apply room: server-side apply and field ownership. */
export type { ApplyRequest, UpdateRequest } from './apply.ts';
export { apply, trackUpdate } from './apply.ts';
export { goText } from './check.ts';
export type { ScaleRequest } from './scale.ts';
export { trackScale } from './scale.ts';
