/** Who may do what: requests of people and service accounts with few rights, asked of an embedded and of a real server. */
import type { Json, JsonObject } from '../../src/base/index.ts';

/** In all texts `$NS` is the case's own namespace and prefix of its cluster-wide names. */
export interface Case {
  readonly name: string;
  /** Rules of a Role in the namespace, held by the asking service account. */
  readonly rules?: readonly JsonObject[];
  /** Rules of a ClusterRole, held everywhere. */
  readonly clusterRules?: readonly JsonObject[];
  /** Made by the administrator before. */
  readonly given?: readonly Asked[];
  readonly asked: readonly Asked[];
}

export interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: Json;
  readonly contentType?: string;
  /** Beside the account's token. */
  readonly headers?: { readonly [name: string]: string };
  /** What of a successful answer is compared beside its code; default nothing. */
  readonly look?: (body: JsonObject) => Json;
}
