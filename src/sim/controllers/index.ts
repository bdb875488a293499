export type { ControllerOptions } from './start.ts';
export { startControllers } from './start.ts';
