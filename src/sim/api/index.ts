/** The API server of an embedded cluster. */
export type { User } from './cluster.ts';
export type { LogQuery, LogSource } from './pod-log.ts';
export type { ApiServer, ApiServerOptions } from './server.ts';
export { startApiServer } from './server.ts';
