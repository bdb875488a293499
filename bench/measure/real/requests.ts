/** What API servers were asked: how often, from their metrics; by whom, from their audit logs. */
import { readFileSync, statSync } from 'node:fs';
import { rounded } from '../figures.ts';
import type { RealFleet } from './fleet.ts';
import { MARK } from './sets.ts';

/** Requests so far at all API servers, of everybody (their own controllers too), by what was asked. */
export type Totals = ReadonlyMap<string, number>;

const TOTAL = /^apiserver_request_total\{(.*)\} (\S+)$/gm;

export async function requestTotals({ kube }: RealFleet): Promise<Totals> {
  const totals = new Map<string, number>();
  for (const client of kube.values()) {
    const answer = await client.request({ method: 'GET', path: '/metrics' });
    if (answer.kind !== 'answered' || typeof answer.body !== 'string') throw new Error('an API server has no metrics');
    for (const [, labels = '', value] of answer.body.matchAll(TOTAL)) {
      const label = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
      const resource = [label('resource'), label('subresource')].filter((part) => part !== '').join('/');
      const what = `${label('verb')} ${resource}${label('dry_run') === '' ? '' : ' dryRun'}`;
      totals.set(what, (totals.get(what) ?? 0) + Number(value));
    }
  }
  return totals;
}

/** What was asked between two readings for each of `count` things; what is asked less than once for twenty of them only counts in `all`. */
export function requestsPer(count: number, before: Totals, after: Totals): { readonly [what: string]: number } {
  const each = [...after].map(([what, total]) => [what, (total - (before.get(what) ?? 0)) / count] as const);
  const all = each.reduce((sum, [, value]) => sum + value, 0);
  const often = each.filter(([, value]) => value >= 0.05).sort(([, a], [, b]) => b - a);
  return Object.fromEntries([['all', all] as const, ...often].map(([what, value]) => [what, rounded(value, 2)]));
}

/** Where each audit log ends now. */
export function auditMarks({ auditLogs }: RealFleet): ReadonlyMap<string, number> {
  return new Map([...auditLogs.values()].map((file) => [file, statSync(file).size]));
}

export interface Asked {
  readonly verb: string;
  readonly resource: string;
  /** `ldc` is what an agent (and this bench) is called. */
  readonly userAgent: string;
}

/** Requests since the marks, each once: a watch when it began, all others when they were answered. The bench's own watches are left out. */
export function askedSince(marks: ReadonlyMap<string, number>): readonly Asked[] {
  return [...marks].flatMap(([file, from]) => {
    const lines = readFileSync(file).subarray(from).toString('utf8').trimEnd().split('\n');
    return lines.filter((line) => line !== '').flatMap((line) => asked(JSON.parse(line) as AuditEvent));
  });
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly userAgent?: string;
  readonly requestURI: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
}

function asked({ stage, verb, userAgent = '', requestURI, objectRef }: AuditEvent): readonly Asked[] {
  if (stage !== (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete')) return [];
  if (requestURI.includes(encodeURIComponent(`${MARK.key}=${MARK.value}`))) return [];
  const { resource, subresource } = objectRef ?? {};
  const path = requestURI.split('?')[0] ?? '';
  const name = resource === undefined ? path : subresource === undefined ? resource : `${resource}/${subresource}`;
  return [{ verb, resource: name, userAgent: userAgent.split(/[/ ]/)[0] ?? '' }];
}

/** How many of each `verb resource`. */
export function counted(all: readonly Asked[]): { readonly [what: string]: number } {
  const counts = new Map<string, number>();
  for (const { verb, resource } of all) {
    const what = `${verb} ${resource}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}
