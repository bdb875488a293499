/** What happens in a simulation, as checkers see it. They look at these and at disks and clusters, never into the engine. */
import type { Entry, JsonObject } from '../../src/base/index.ts';
import type { Command } from '../../src/protocol/index.ts';
import type { ApiWrite } from './light-api.ts';

export type SimulationEvent = { readonly atMs: number } & (
  | { readonly kind: 'entry'; readonly entry: Entry; readonly position: number }
  /** A command has reached an agent that lives. */
  | { readonly kind: 'command'; readonly cluster: string; readonly command: Command }
  | { readonly kind: 'result'; readonly cluster: string; readonly id: string; readonly outcome: JsonObject }
  | { readonly kind: 'write'; readonly cluster: string; readonly write: ApiWrite }
  /** A person was told that a transaction stands so, and how long its chain was then. */
  | { readonly kind: 'told'; readonly transaction: string; readonly state: string; readonly sealed: boolean }
  | { readonly kind: 'hubOpened'; readonly life: number }
  | { readonly kind: 'killed'; readonly who: string }
  | { readonly kind: 'fault'; readonly what: string }
);

/** Distributes over the union: what is said of each kind but its time. */
export type Happening = SimulationEvent extends infer E ? (E extends SimulationEvent ? Omit<E, 'atMs'> : never) : never;

export interface Checker {
  readonly name: string;
  on(event: SimulationEvent): void;
  /** After the calm phase: nothing is under way any more. */
  end?(): void;
}

/** Something happened that never may. */
export class Violation extends Error {
  readonly checker: string;
  constructor(checker: string, sentence: string) {
    super(`${checker}: ${sentence}`);
    this.name = 'Violation';
    this.checker = checker;
  }
}

/** One line, for the end of a failure and for `--trace`. */
export function lineOf(event: SimulationEvent): string {
  return `${String(event.atMs).padStart(9)} ms  ${textOf(event)}`;
}

function textOf(event: SimulationEvent): string {
  switch (event.kind) {
    case 'entry': {
      const { tx, seq, type, data } = event.entry;
      const about = [data.step, data.cluster, data.equal, data.health].filter((one) => one !== undefined).join(' ');
      const found = data.findings === undefined ? '' : ` ${JSON.stringify(data.findings).slice(0, 400)}`;
      return `journal  ${tx}#${seq} ${type} ${about}${whyOf(data)}${found}`;
    }
    case 'command':
      return `command  ${event.cluster} ${event.command.body.kind} ${event.command.id} (epoch ${event.command.epoch})`;
    case 'result':
      return `result   ${event.cluster} ${event.id} ${String(event.outcome.kind)}${whyOf(event.outcome)}`;
    case 'write': {
      const { verb, bucket, before, after } = event.write;
      const { namespace, name } = (after ?? before)?.metadata ?? {};
      return `write    ${event.cluster} ${verb} ${bucket} ${namespace ?? ''}/${name}`;
    }
    case 'told':
      return `told     ${event.transaction} is ${event.state}`;
    case 'hubOpened':
      return `hub      life ${event.life} has opened`;
    case 'killed':
      return `killed   ${event.who}`;
    case 'fault':
      return `fault    ${event.what}`;
  }
}

function whyOf(data: JsonObject): string {
  const refusal = (data.refusal ?? data.cause) as { message?: string } | null | undefined;
  const why = refusal?.message ?? data.reason;
  return typeof why === 'string' ? `: ${why}` : '';
}
