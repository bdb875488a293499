import assert from 'node:assert/strict';
import { it } from 'node:test';
import { exit, failureOf, failureText, usage } from './failure.ts';

/** What an error of the hub looks like here; `hint` as an earlier release leaves it out. */
function hubProblem(more: object): Error {
  const problem = { status: 409, kind: 'busy', detail: 'it is at work', instance: 'urn:x', ...more };
  return Object.assign(new Error('it is at work'), { name: 'HubProblem', problem });
}

it('whatever a verb throws, the last line says what to do next', () => {
  const file = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', path: 'stack.yaml' });
  const unreachable = Object.assign(new Error('nothing listens'), {
    name: 'HubUnreachable',
    hint: '`ldc dev` starts one',
  });
  const problems = [{ file: 'a.yaml', line: 1, column: 1, path: 'spec', message: 'is wrong' }];
  const thrown = [
    ...[usage('no', 'say yes'), file, unreachable, new Error('unforeseen'), 'a text', undefined],
    ...[hubProblem({}), hubProblem({ hint: 'wait for it' }), hubProblem({ status: 422, problems })],
  ];
  for (const one of thrown) {
    const lines = failureText(failureOf(one)).trimEnd().split('\n');
    assert.match(lines.at(-1) ?? '', /^ {2}next: \S/, String(one));
  }
  assert.equal(failureOf(hubProblem({})).code, exit.refused);
});
