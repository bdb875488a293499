/** docs/transaction.md shows the machine as it is: its diagram is generated. `LDC_UPDATE_DOCS=1` writes it anew. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { transactionV1 } from './transaction.v1.ts';

const PAGE = join(import.meta.dirname, '../../../docs/transaction.md');
const BLOCK = /```mermaid\n[\s\S]*?```\n/;

interface Edge {
  readonly target?: string;
  readonly guard?: string | { readonly type: string };
}
type Edges = string | Edge | readonly Edge[];

/** Mermaid stateDiagram-v2: one line for each pair of states, with the entries that lead from one to the other. */
function diagram(): string {
  const states = transactionV1.config.states as Record<string, { readonly on?: Record<string, Edges> }>;
  const lines = new Map<string, string[]>();
  for (const [from, { on = {} }] of Object.entries(states)) {
    for (const [event, edges] of Object.entries(on)) {
      for (const { target, guard } of edgesOf(edges)) {
        if (target === undefined) continue; // legal there, but it changes no state
        const pair = `${from} --> ${target}`;
        lines.set(pair, [...(lines.get(pair) ?? []), `${event}${guardText(guard)}`]);
      }
    }
  }
  const final = Object.keys(states).filter((name) => Object.values(states[name]?.on ?? {}).every((edges) => edgesOf(edges).every(({ target }) => target === undefined))); // biome-ignore format: one line
  const body = [
    `[*] --> ${String(transactionV1.config.initial)}`,
    ...[...lines].map(([pair, events]) => `${pair}: ${events.join(', ')}`),
    ...final.map((name) => `${name} --> [*]`),
  ];
  return `\`\`\`mermaid\nstateDiagram-v2\n${body.map((line) => `    ${line}\n`).join('')}\`\`\`\n`;
}

function edgesOf(edges: Edges): readonly Edge[] {
  if (typeof edges === 'string') return [{ target: edges }];
  return Array.isArray(edges) ? edges : [edges as Edge];
}

function guardText(guard: Edge['guard']): string {
  if (guard === undefined) return '';
  const type = typeof guard === 'string' ? guard : guard.type;
  return type === 'heldFrom' ? ' [held there]' : ` [${type}]`;
}

describe('docs/transaction.md', () => {
  it('shows the machine as it is', () => {
    const page = readFileSync(PAGE, 'utf8');
    assert.match(page, BLOCK);
    if (process.env.LDC_UPDATE_DOCS === '1')
      writeFileSync(
        PAGE,
        page.replace(BLOCK, () => diagram()),
      );
    assert.equal(
      readFileSync(PAGE, 'utf8').match(BLOCK)?.[0],
      diagram(),
      'the machine has changed: LDC_UPDATE_DOCS=1 tools/run-tests src/saga/machines/diagram.test.ts',
    );
  });

  it('names every state and every kind of entry that leads from one to another', () => {
    const text = diagram();
    const states = Object.keys(transactionV1.config.states ?? {});
    for (const state of states) assert.ok(text.includes(`--> ${state}`), state);
    assert.match(text, /queued --> preparing: tx\.started\n/);
    assert.match(text, /compensating --> rolledBack: tx\.rolledBack\n/);
    assert.match(text, /stuck --> compensating: tx\.retried \[held there\], tx\.skipped \[held there\]/);
    assert.match(text, /committed --> \[\*\]\n/);
    const page = readFileSync(PAGE, 'utf8').replace(BLOCK, '');
    for (const state of states) assert.ok(page.includes(`\`${state}\``), `the page does not explain ${state}`);
  });
});
