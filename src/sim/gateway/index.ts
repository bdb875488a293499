export type { ServiceReader } from './endpoints.ts';
export { endpointsOf } from './endpoints.ts';
export type { Fault } from './faults.ts';
export type { Gateway, GatewayOptions } from './gateway.ts';
export { startGateway } from './gateway.ts';
export type { Endpoints, ServiceRequest } from './service-proxy.ts';
export type { Target } from './tcp-proxy.ts';
