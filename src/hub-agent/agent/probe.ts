/** How the agent asks a Service for its health: through the API server, which works inside a cluster and beside it. */
import type { Client } from '../../kubernetes/index.ts';

export interface ProbeTarget {
  readonly namespace: string;
  readonly service: string;
  readonly port: number | string;
  /** Begins with a slash. */
  readonly path: string;
}

export type ProbeAnswer =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'unreachable'; readonly reason: string };

export type ServiceProbe = (target: ProbeTarget, timeoutMs: number) => Promise<ProbeAnswer>;

/** GET through the `proxy` subresource of the Service. */
export function apiServerProbe(client: Client): ServiceProbe {
  return async ({ namespace, service, port, path }, timeoutMs) => {
    const answer = await client.request({
      method: 'GET',
      path: `/api/v1/namespaces/${namespace}/services/${service}:${port}/proxy${path}`,
      accept: '*/*',
      timeoutMs,
    });
    return answer.kind === 'answered'
      ? { kind: 'answered', status: answer.status }
      : { kind: 'unreachable', reason: answer.reason };
  };
}
