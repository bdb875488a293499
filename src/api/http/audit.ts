import type { Journal, JsonObject } from '../../base/index.ts';
import type { AnyRoute } from '../contract/index.ts';
import type { Caller } from '../tokens.ts';

/** The chain that holds who called what. */
export const AUDIT_CHAIN = 'audit';

export interface AuditedCall {
  readonly route: AnyRoute;
  readonly caller: Caller;
  readonly requestId: string;
  readonly sourceIp: string;
  readonly params: JsonObject;
  readonly query: JsonObject;
  /** Keyed digest of the body: the same body shows as the same, and says nothing else. */
  readonly bodyDigest: string | null;
  readonly status: number;
  /** The kind of problem that was answered. */
  readonly refusal: string | null;
  readonly transaction: string | null;
  readonly userReason: string | null;
}

/** Journals one call; resolves when it is durable, which is before the caller is answered. */
export async function audit(journal: Journal, call: AuditedCall): Promise<void> {
  await journal.append([
    {
      tx: AUDIT_CHAIN,
      type: 'api.call',
      actor: call.caller.actor,
      data: {
        operation: call.route.id,
        method: call.route.method,
        path: call.route.path,
        params: call.params,
        query: call.query,
        bodyDigest: call.bodyDigest,
        status: call.status,
        refusal: call.refusal,
        transaction: call.transaction,
        reason: call.userReason,
        request: call.requestId,
        token: call.caller.tokenId,
        sourceIp: call.sourceIp,
      },
    },
  ]);
}

/** Whether a call is an entry: all that changes something, and reads of the trail itself. */
export function isAudited(route: AnyRoute): boolean {
  return route.changes || route.auditedRead;
}
