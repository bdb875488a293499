/** Reasons in few words, and in few bytes. Pure. */
import { containerText } from './containers.ts';
import { clip } from './text.ts';
import type { Reason } from './types.ts';

const SHORT_CHARACTERS_MAX = 200;

/** The deepest cause in one line: `CrashLoopBackOff: exit code 1 (3 restarts)`, `37 pods: FailedScheduling: 0/2 nodes …`. */
export function shortReason(reasons: readonly Reason[]): string | undefined {
  const chain = chainOf(reasons[0]);
  const deepest = chain.findLast(({ reason }) => reason !== undefined);
  if (deepest?.reason === undefined) return undefined;
  const container = deepest.containers?.find(({ reason }) => reason === deepest.reason);
  const says = container === undefined ? deepest.message : containerText(container);
  const many = deepest.count === undefined ? '' : `${deepest.count} ${deepest.ref.kind.toLowerCase()}s: `;
  return clip(`${many}${deepest.reason}${says === undefined || says === '' ? '' : `: ${says}`}`, SHORT_CHARACTERS_MAX);
}

/**
 * What a status says, with the deepest cause behind it unless it names that already: a Deployment's message has the words
 * of a quota in it, of another pod than its ReplicaSet's, so the word before the colon is compared.
 */
export function withShortReason(message: string, reasons: readonly Reason[]): string {
  const short = shortReason(reasons);
  if (short === undefined) return message;
  const [word] = short.split(': ', 1);
  return message.startsWith(`${word}: `) || message.includes(`(${word}: `) ? message : `${message} (${short})`;
}

function chainOf(reason: Reason | undefined): readonly Reason[] {
  return reason === undefined ? [] : [reason, ...chainOf(reason.causes[0])];
}

/** What is left of each part, from all to the bare cause. */
const STAGES: readonly Size[] = [
  { lines: 10, events: 5, causes: 4 },
  { lines: 5, events: 3, causes: 2 },
  { lines: 0, events: 1, causes: 1 },
];
interface Size {
  readonly lines: number;
  readonly events: number;
  readonly causes: number;
}

/** The same reasons in at most so many bytes of JSON: older lines and events go first, then lesser causes, then further objects. */
export function boundReasons(reasons: readonly Reason[], bytesMax: number): readonly Reason[] {
  if (bytesOf(reasons) <= bytesMax) return reasons;
  for (const size of STAGES) {
    const smaller = reasons.map((reason) => ({ ...cutTo(reason, size), leftOut: CUT }));
    if (bytesOf(smaller) <= bytesMax) return smaller;
  }
  const bare = reasons.map((reason) => ({ ...cutTo(reason, STAGES.at(-1) as Size), leftOut: CUT }));
  while (bare.length > 0 && bytesOf(bare) > bytesMax) bare.pop();
  return bare;
}

const CUT = 'older log lines and events: `ldc logs` and `ldc events` have them';

function cutTo(reason: Reason, size: Size): Reason {
  return {
    ...reason,
    events: reason.events.slice(0, size.events),
    logs: size.lines === 0 ? [] : reason.logs.map((log) => ({ ...log, lines: log.lines.slice(-size.lines) })),
    causes: reason.causes.slice(0, size.causes).map((cause) => cutTo(cause, size)),
  };
}

function bytesOf(reasons: readonly Reason[]): number {
  return Buffer.byteLength(JSON.stringify(reasons));
}
