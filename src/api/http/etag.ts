import { digestOf } from '../../base/index.ts';
import { HttpProblem } from './problem.ts';

/**
 * An entity tag `"<version>.<16 hex digits of the answer's digest>"`. If-None-Match compares the whole, so that a poll
 * sees every change; If-Match compares the version only: a change of health must not stop a change of the definition.
 */
export function entityTag(version: string, answer: unknown): string {
  return `"${version}.${digestOf(answer).slice('sha256:'.length, 'sha256:'.length + 16)}"`;
}

/** @throws HttpProblem 412 when If-Match names another version than `version` (undefined: there is nothing). */
export function checkIfMatch(header: string | undefined, version: string | undefined, what: string): void {
  if (header === undefined) return;
  const given = header.split(',').map((tag) => tag.trim());
  const matches = (tag: string) => tag === '*' || /^"(.*?)(\.[0-9a-f]{16})?"$/.exec(tag)?.[1] === version;
  if (version !== undefined && given.some(matches)) return;
  throw new HttpProblem(412, {
    kind: 'changedMeanwhile',
    message: version === undefined ? `${what} does not exist` : `${what} is at version ${version} now`,
    hint: 'read it again, and decide with what it says now',
  });
}

/** Whether If-None-Match names this tag (weak comparison, RFC 9110 §13.1.2). */
export function matchesTag(header: string | undefined, tag: string): boolean {
  return (header ?? '').split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag);
}
