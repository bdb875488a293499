import type { Clock } from '../../base/index.ts';
import { type Fault, FaultSwitch } from './faults.ts';
import { type Endpoints, startServiceProxy } from './service-proxy.ts';
import { startTcpProxy, type Target, type TcpProxy } from './tcp-proxy.ts';

export interface GatewayOptions {
  readonly clock: Clock;
  /** The API server inside; undefined while it is down. */
  readonly apiServer: () => Target | undefined;
  readonly endpoints: Endpoints;
  /** Fixed ports, so that kubeconfigs and addresses stay true over restarts; 0 or absent: free ones. */
  readonly ports?: { readonly api?: number; readonly services?: number };
}

/** The one way into and out of a cluster: every connection passes a TCP proxy here, so that faults hold for open ones too. */
export interface Gateway {
  /** The API server as seen from outside. */
  readonly apiPort: number;
  /** `http://127.0.0.1:<servicesPort>/<namespace>/<service>[:port]/…` */
  readonly servicesPort: number;
  /** Where services are reached from inside: no fault holds here. */
  readonly insideServicesPort: number;
  /** A local port that leads out of the cluster to this address. Asking again gives the same port. */
  egress(host: string, port: number): Promise<number>;
  readonly fault: Fault;
  /** Nothing in or out: open connections freeze, new ones hang. What runs inside goes on. */
  cut(): void;
  slow(latencyMs: number): void;
  refuse(): void;
  heal(): void;
  close(): Promise<void>;
}

export async function startGateway({ clock, apiServer, endpoints, ports = {} }: GatewayOptions): Promise<Gateway> {
  const faults = new FaultSwitch();
  const services = await startServiceProxy(endpoints);
  const inside = { host: '127.0.0.1', port: services.port };
  const api = await startTcpProxy({ port: ports.api ?? 0, target: apiServer, faults, clock });
  const ingress = await startTcpProxy({ port: ports.services ?? 0, target: () => inside, faults, clock });
  const ways = new Map<string, Promise<TcpProxy>>();
  return {
    apiPort: api.port,
    servicesPort: ingress.port,
    insideServicesPort: services.port,
    async egress(host, port) {
      const key = `${host}:${port}`;
      const way = ways.get(key) ?? startTcpProxy({ port: 0, target: () => ({ host, port }), faults, clock });
      ways.set(key, way);
      return (await way).port;
    },
    get fault() {
      return faults.fault;
    },
    cut: () => faults.set({ kind: 'cut' }),
    slow: (latencyMs) => faults.set({ kind: 'slow', latencyMs }),
    refuse: () => faults.set({ kind: 'refuse' }),
    heal: () => faults.set({ kind: 'none' }),
    async close() {
      const open = await Promise.all(ways.values());
      await Promise.all([api, ingress, services, ...open].map((proxy) => proxy.close()));
    },
  };
}
