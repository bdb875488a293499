/** A request script: the same raw HTTP requests for every judge, as data. */
import type { Json, JsonObject } from '../../src/base/index.ts';

/**
 * `{{ns}}` (the script's own namespace), `{{run}}` and `{{kept.metadata.uid}}` are filled in, in paths, headers and bodies;
 * `{{=kept.spec.replicas}}` as a whole value stays what it was, such as a number.
 */
export interface Step {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: { readonly [name: string]: string };
  /** Text is sent as it is. */
  readonly body?: Json;
  /** The body is an earlier answer of this server with changes (RFC 6902) made to it. */
  readonly from?: { readonly kept: string; readonly changes: readonly JsonObject[] };
  /** Remembers the answer's body under this name. */
  readonly keep?: string;
  /** Asks again until the answer has this status: what a real server does in the background is waited for, not compared. */
  readonly until?: number;
  /** Makes the step a watch: these run once it is open; it ends when so many events have come, or none for a second. */
  readonly during?: readonly Step[];
  readonly events?: number;
  /** False: done, but not compared. */
  readonly compared?: false;
}

export interface Script {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** An answer with everything replaced that legitimately differs between two servers. */
export interface Answer {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: Json;
}

/** Where two servers differ. */
export interface Difference {
  /** `script/step` */
  readonly at: string;
  /** `body.spec.replicas` */
  readonly path: string;
  readonly real: string;
  readonly embedded: string;
}

/** One API server, asked as its administrator. */
export interface Target {
  readonly url: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}
