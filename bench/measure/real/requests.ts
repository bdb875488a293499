/** What API servers were asked, from their own audit logs. */
import { readFileSync, statSync } from 'node:fs';
import type { RealFleet } from './fleet.ts';
import { MARK } from './sets.ts';

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
