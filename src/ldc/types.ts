import type { z } from 'zod';
import type { Json, KubeObject } from '../base/index.ts';
import type { stackSchema } from './schema/stack.ts';

/** A stack definition with every default filled in; durations and quantities stay as written (`durationMs`, `cpuMilli`). */
export type Stack = z.output<typeof stackSchema>;
export type StackFunction = Stack['spec']['functions'][number];
export type StackDatabase = Stack['spec']['databases'][number];
export type Override = StackFunction['overrides'][number];
export type Toleration = Stack['spec']['placement']['tolerations'][number];
export type ClusterSelector = Stack['spec']['placement']['clusters'];
export type LabelSelector = Override['on'];

/** Resources of pods: thousandths of a CPU, bytes, number of pods. */
export interface Amounts {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly pods: number;
}

/** What one location asks of its cluster: `fixed` + `replicas` × `perReplica`; replicas is what the manifests say. */
export interface Demand {
  readonly fixed: Amounts;
  readonly perReplica: Amounts;
  readonly replicas: number;
}

/**
 * The objects of one function or database. Namespaced ones have their namespace, Secrets have `data` only, what a server
 * sets is gone; ldc's own labels are not in yet (plan adds them). Several entries of one group, kind and name differ
 * in version (API skew) and stand in order of preference: a cluster gets the first one that it serves.
 */
export interface ResolvedPart {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  readonly demand: Demand;
}

export interface ResolvedFunction extends ResolvedPart {
  readonly spec: StackFunction;
}

export interface ResolvedDatabase extends ResolvedPart {
  readonly spec: StackDatabase;
}

/** A stack with its manifests: all that placement, plan and availability need to know of it. Plain JSON. */
export interface ResolvedStack {
  readonly project: string;
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly namespace: string;
  readonly stack: Stack;
  /** In the order of the definition, as are databases. */
  readonly functions: readonly ResolvedFunction[];
  readonly databases: readonly ResolvedDatabase[];
}

/** Where something stands in a text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The way to a value: keys and indexes. */
export type Path = readonly (string | number)[];

/** One document of a file as JSON, and where each of its values stands. */
export interface SourceDocument {
  readonly file: string;
  readonly value: Json;
  /** The place of a value; `key`: of its key. What is not there is found at its nearest parent. */
  at(path: Path, part?: 'key' | 'value'): Position;
}

/** Texts by path, relative to the folder of the stack file, with `/`. */
export type Files = ReadonlyMap<string, string>;
