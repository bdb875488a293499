/** Follows what clusters say, to its end or to Ctrl-C. */
import type { CallInput, HubClient, Route, ToldPage } from '../api/client/index.ts';
import type { Told } from '../stacks/types.ts';
import { exit } from './failure.ts';
import type { Io } from './io.ts';
import { printable } from './render/printable.ts';

export interface ToldShow {
  /** Each item as one line of JSON, notes and ends too. */
  readonly json: boolean;
  readonly follows: boolean;
  text(item: Told): string;
}

/** Notes, and why a cluster's part is not all, go to stderr. Exit 1 when some part is missing, 130 after Ctrl-C. */
export async function followTold<P, Q, B>(
  io: Io,
  client: HubClient,
  route: Route<P, Q, B, ToldPage>,
  input: CallInput<Route<P, Q, B, ToldPage>>,
  show: ToldShow,
): Promise<number> {
  const stop = new AbortController();
  const cancel = io.onInterrupt(() => stop.abort());
  let code: number = exit.done;
  try {
    for await (const item of client.told<P, Q, B, ToldPage, Told>(route, { ...input, signal: stop.signal })) {
      io.out.write(show.json ? `${JSON.stringify(item)}\n` : printable(show.text(item)));
      if (item.kind === 'note' && !show.json) io.err.write(printable(`${item.cluster}: ${item.message}\n`));
      if (item.kind === 'end' && item.problem !== undefined) code = exit.failed;
      if (item.kind === 'end' && !show.json) io.err.write(printable(endText(item, show.follows)));
    }
  } finally {
    cancel();
  }
  return stop.signal.aborted ? exit.interrupted : code;
}

function endText({ cluster, problem }: Extract<Told, { kind: 'end' }>, follows: boolean): string {
  if (problem === undefined) return follows ? `${cluster}: the stream ended\n` : '';
  return `error: ${cluster}: ${problem.message}\n${problem.hint === undefined ? '' : `  next: ${problem.hint}\n`}`;
}
