/** One container's log as items: each line with its time, masked, at a length that can be shown. */
import { isObject, type KubeObject, limits } from '../../../base/index.ts';
import { type Client, createLineMask, type Mask, maskedLine } from '../../../kubernetes/index.ts';
import type { StreamItem } from '../../../protocol/index.ts';

export interface LogSource {
  readonly client: Client;
  readonly mask: Mask;
  readonly signal: AbortSignal;
  push(item: StreamItem): Promise<void>;
}

export interface ContainerLog {
  /** Whose it is: the function or member. */
  readonly name: string;
  readonly pod: KubeObject;
  readonly container: string;
  readonly query: { readonly [name: string]: string | number | boolean | undefined };
  /** Lines up to this time were told already. */
  readonly after?: string;
}

/** Reads until the log ends or the signal is aborted. Answers the time of the last line, and why there was no log. */
export async function readContainerLog(
  source: LogSource,
  { name, pod, container, query, after }: ContainerLog,
): Promise<{ readonly last: string | undefined; readonly problem?: string }> {
  const { namespace, name: podName } = pod.metadata;
  const mask = createLineMask(source.mask);
  let last = after;
  const answer = await source.client.lines(
    {
      method: 'GET',
      path: `/api/v1/namespaces/${namespace}/pods/${podName}/log`,
      // a follower's time counts in whole seconds: what was told in that one is left out below
      query: { ...query, container, timestamps: true, ...(after === undefined ? {} : { sinceTime: after }) },
      accept: 'text/plain, */*',
      signal: source.signal,
    },
    (whole) => {
      const { at, line } = split(whole);
      if (after !== undefined && at !== '' && !isLater(at, after)) return undefined;
      if (at !== '') last = at;
      return source.push({
        kind: 'line',
        name,
        pod: podName,
        container,
        at,
        line: maskedLine(mask, line, limits.streamLineCharactersMax),
      });
    },
  );
  if (answer.kind === 'unreachable') {
    return source.signal.aborted ? { last } : { last, problem: answer.reason };
  }
  return answer.status < 400 ? { last } : { last, problem: source.mask(messageOf(answer.body)) };
}

/** `2026-11-22T10:00:00.123456789Z text`; an API server that gives no times gives the text. */
function split(whole: string): { readonly at: string; readonly line: string } {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?(.*)$/s.exec(whole);
  return match === null ? { at: '', line: whole } : { at: match[1] as string, line: match[2] as string };
}

/** Of one runtime, so in one zone; fractions of a second are of any length. */
function isLater(at: string, than: string): boolean {
  return at.replace(/Z$/, '') > than.replace(/Z$/, '');
}

function messageOf(body: unknown): string {
  return isObject(body) && typeof body.message === 'string' ? body.message : 'the API server gives no log';
}
