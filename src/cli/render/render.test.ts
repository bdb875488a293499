import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { transaction } from '../../api/fake-hub.test.ts';
import type { Json } from '../../base/index.ts';
import type { StepView, TransactionView } from '../../saga/types.ts';
import { fieldChanges } from './field-changes.ts';
import { createProgress, liveLines } from './progress.ts';
import { reasonText } from './reason.ts';
import { age, duration, table } from './table.ts';
import { type EventLine, eventTable } from './told.ts';
import { outcomeText, transactionText } from './transaction.ts';

describe('table', () => {
  it('aligns columns whatever is in them', () => {
    const cell = fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map((text) => text.replace(/\s/g, '_') || '-');
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 6 }), (rows) => {
        const lines = table(['A', 'B', 'C'], rows).trimEnd().split('\n');
        const at = Math.max(...rows.map(([first]) => first.length), 1) + 2;
        assert.equal(lines.length, rows.length + 1);
        for (const line of lines) assert.notEqual(line[at], ' ');
      }),
    );
  });

  it('says how long as kubectl does', () => {
    assert.deepEqual([0, 59_400, 119_000, 120_000, 312_000, 3_600_000, 47 * 3_600_000, 72 * 3_600_000].map(duration), [
      '0s',
      '59s',
      '119s',
      '2m',
      '5m12s',
      '60m',
      '47h',
      '3d',
    ]);
    assert.equal(age(5_000, 1_000), '0s');
  });
});

describe('events', () => {
  const at = '2026-11-22T23:27:54Z';
  const event = (cluster: string, name: string, message: string, more = {}): EventLine => ({
    ...{ kind: 'event', cluster, function: 'web', ref: { apiVersion: 'v1', kind: 'Pod', name }, at },
    ...{ type: 'Warning', reason: 'FailedScheduling', message, count: 1, ...more },
  });

  it('are one line for all pods of which a cluster says the same', () => {
    const since = '2026-11-22T23:24:54Z';
    const text = eventTable(
      [
        event('eu-1', 'web-9bd89c474-tx82h', '0/2 nodes', { count: 3, since }),
        event('eu-1', 'web-9bd89c474-v79fx', '0/2 nodes'),
        event('us-1', 'web-9bd89c474-jmhh7', '0/2 nodes'),
      ],
      Date.parse(at) + 5_000,
    );
    assert.deepEqual(
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/).slice(-2)),
      [
        ['OBJECT', 'MESSAGE'],
        ['Pod/web-9bd89c474-tx82h and 1 more', '(x4 over 3m) 0/2 nodes'],
        ['Pod/web-9bd89c474-jmhh7', '0/2 nodes'],
      ],
    );
  });

  it('in a chain of reasons say how often and over what time', () => {
    const since = '2026-11-22T23:27:34Z';
    const events = [{ at, since, type: 'Warning', reason: 'FailedCreate', message: 'exceeded quota', count: 14 }];
    const text = reasonText({ ref: { kind: 'ReplicaSet', name: 'web' }, reason: 'FailedCreate', events }, '');
    assert.match(text, /Warning FailedCreate \(x14 over 20s\): exceeded quota/);
  });
});

describe('outcomeText', () => {
  it('names the clusters that a committed transaction left out', () => {
    const at = '2026-01-01T00:00:00.000Z';
    const committed: TransactionView = { ...transaction('deploy', 'user:test'), state: 'committed' };
    const explanation = 'us-1 was lost on the way; instead: web@us-2';
    const view: TransactionView = { ...committed, leftOut: [{ clusters: ['us-1'], explanation, at }] };
    assert.match(
      outcomeText(view),
      /: committed without us-1.*\n {2}left out: us-1 was lost on the way; instead: web@us-2/,
    );
    assert.ok(transactionText(view).includes(explanation));
    assert.doesNotMatch(outcomeText(committed), /without|left out/);
  });
});

describe('fieldChanges', () => {
  it('names what differs, entries of lists by name, and leaves out what servers set', () => {
    const before: Json = {
      metadata: { name: 'a', resourceVersion: '1', labels: { 'x/y': '1' } },
      spec: {
        list: [
          { name: 'a', v: 1 },
          { name: 'b', v: 2 },
        ],
        plain: [1, 2],
      },
      status: { ready: 1 },
    };
    const after: Json = {
      metadata: { name: 'a', resourceVersion: '2', labels: { 'x/y': '2' } },
      spec: { list: [{ name: 'b', v: 3 }], plain: [1, 3, 4], more: true },
      status: { ready: 2 },
    };
    assert.deepEqual(fieldChanges(before, after), [
      '.metadata.labels["x/y"]: "1" → "2"',
      '.spec.list[name=a]: - {"name":"a","v":1}',
      '.spec.list[name=b].v: 2 → 3',
      '.spec.more: + true',
      '.spec.plain[1]: 2 → 3',
      '.spec.plain[2]: + 4',
    ]);
  });

  it('finds nothing between equals, and something between others', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [one, two] = [{ spec: a as Json }, { spec: b as Json }];
        assert.deepEqual(fieldChanges(one, one), []);
        const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
        if (!same) assert.ok(fieldChanges(one, two).length > 0);
      }),
    );
  });
});

describe('progress', () => {
  const step = (id: string, status: StepView['status'], more: Partial<StepView> = {}): StepView => ({
    id,
    action: 'apply',
    phase: 'running',
    kind: 'compensatable',
    status,
    attempts: 1,
    ...more,
  });
  const view = (steps: StepView[], more: Partial<TransactionView> = {}): TransactionView => ({
    ...transaction('deploy', 'user:ann'),
    state: 'running',
    plan: { digest: 'sha256:00', steps },
    ...more,
  });

  it('shows what failed, what moves and what waits for what', () => {
    const steps = [
      step('apply:a@eu-1', 'succeeded'),
      step('gate:a@eu-1', 'started', { attempts: 3 }),
      step('apply:a@us-1', 'pending'),
      step('apply:b@us-1', 'pending'),
      step('prune:a@eu-1', 'failed', { refusal: { kind: 'x', message: 'no way', hint: 'mend it' } }),
    ];
    const waits = new Map([
      ['apply:a@us-1', ['apply:a@eu-1', 'gate:a@eu-1']],
      ['apply:b@us-1', ['apply:a@us-1']],
    ]);
    assert.deepEqual(liveLines(view(steps), waits, 12_000), [
      'deploy default/shop r1  running  wave 1/2  1/5 steps  12s',
      '  ✗ prune:a@eu-1  no way',
      '  ▸ gate:a@eu-1 (try 3)',
      '  · apply:a@us-1 waits for gate:a@eu-1',
    ]);
    const many = Array.from({ length: 40 }, (_, index) => step(`apply:${index}`, 'started'));
    assert.equal(liveLines(view(many), new Map(), 0).at(-1), '  … and 28 more');
  });

  it('redraws in place at a terminal, and leaves nothing behind', () => {
    const { output, text } = captured(true, 20);
    const progress = createProgress(output);
    progress.show(view([step('apply:a@eu-1', 'started')]), new Map(), 0);
    progress.note('remark');
    progress.done();
    assert.equal(
      text(),
      'deploy default/shop…\n  ▸ apply:a@eu-1\n\x1b[2A\x1b[0Jremark\ndeploy default/shop…\n  ▸ apply:a@eu-1\n\x1b[2A\x1b[0J',
    );
  });

  it('writes each change once where there is no terminal', () => {
    const { output, text } = captured(false, 80);
    const progress = createProgress(output);
    const first = view([step('apply:a@eu-1', 'started')]);
    for (const next of [
      first,
      first,
      view([step('apply:a@eu-1', 'succeeded')], { id: first.id, waves: { done: 1, total: 2 } }),
    ])
      progress.show(next, new Map(), 0);
    assert.equal(text(), `${first.id} running\n${first.id} wave 1/2\n${first.id} wave 2/2\n  apply:a@eu-1 succeeded\n`);
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

function captured(isTerminal: boolean, columns: number) {
  const parts: string[] = [];
  return {
    output: { write: (part: string) => void parts.push(part), isTerminal, columns },
    text: () => parts.join(''),
  };
}
