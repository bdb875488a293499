/** What every part of one cluster's API server is handed. */
import type { Clock, JsonObject, KubeObject, Logger, Random } from '../../base/index.ts';
import type { ObjectStore } from '../objects/index.ts';
import type { ResourceInfo } from '../types.ts';
import type { Verdicts } from './admit-webhooks.ts';
import type { WriteOptions } from './request.ts';
import type { ResourceRegistry } from './resources.ts';

/** Who asks, as authentication found. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: { readonly [key: string]: readonly string[] };
}

/** The API server's own identity, for what it writes itself and for the in-process door. */
export const SYSTEM_USER: User = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

export interface Cluster {
  readonly name: string;
  readonly store: ObjectStore;
  readonly registry: ResourceRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The certificate authority as PEM, for kube-root-ca.crt. */
  readonly caPem: string;
}

/** One call for one object or collection, past authentication and authorization. */
export interface Call extends WriteOptions {
  readonly user: User;
  readonly resource: ResourceInfo;
  readonly namespace?: string;
  /** Empty: the collection. */
  readonly name: string;
  readonly subresource: string;
  /** It is one object of a collection that is deleted. */
  readonly isOfMany?: boolean;
  /** Options as they were sent, for webhooks to see. */
  readonly asked?: JsonObject;
  /** What webhooks have said so far. */
  readonly verdicts?: Verdicts;
  /** The server's own write, which no webhook is asked about. */
  readonly isExempt?: boolean;
  /** Collects what becomes a `Warning` header. */
  readonly warn: (text: string) => void;
}

export type Fields = { readonly [field: string]: KubeObject[string] };

/** A part of an object as a bag of fields; empty when absent. */
export function part(object: KubeObject, name: 'spec' | 'status'): Fields {
  const value = object[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
