import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compileCel } from './expression.ts';
import type { ExpressionInput } from './types.ts';

const cluster = { name: 'eu-1', labels: { region: 'eu', tier: 'gold' } } as unknown as ExpressionInput;

function holds(text: string) {
  const compiled = compileCel(text);
  assert.equal(compiled.kind, 'compiled', JSON.stringify(compiled));
  return compiled.kind === 'compiled' ? compiled.holds(cluster) : undefined;
}

it('reads labels and the name', () => {
  assert.equal(holds("cluster.labels.region == 'eu' && cluster.name.startsWith('eu-')"), true);
  assert.equal(holds("cluster.labels.region in ['us', 'ap']"), false);
  assert.equal(holds("has(cluster.labels.spot) && cluster.labels.spot == 'true'"), false);
});

it('says what is wrong: syntax, an unknown variable, a label that is not there, no boolean', () => {
  for (const bad of ['cluster.labels.region ==', "clusters.name == 'x'", "'eu'"]) {
    assert.equal(compileCel(bad).kind, 'invalid', bad);
  }
  assert.match((holds("cluster.labels.nope == 'x'") as { error: string }).error, /nope/);
});

it('refuses what would keep the hub busy: loops in loops, regular expressions, sheer size', () => {
  assert.equal(holds("cluster.labels.exists(k, k == 'tier') && cluster.labels.exists(k, k == 'region')"), true);
  const costly = [
    '[1, 2].all(a, [1, 2].all(b, true))',
    '[[1, 2].all(b, true)].all(a, a)',
    `'${'a'.repeat(40)}!'.matches('(a+)+$')`,
    Array.from({ length: 400 }, () => 'true').join(' && '),
    `${'('.repeat(100)}true${')'.repeat(100)}`,
    `cluster.name in [${Array.from({ length: 300 }, (_, index) => `'c${index}'`).join(', ')}]`,
  ];
  for (const bad of costly) assert.equal(compileCel(bad).kind, 'invalid', bad);
});
