import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { compileExpression } from './expression.ts';

const SYNTAX = { variable: 'object', answers: 'bool', loopDepthMax: 2 } as const;
const kafka = {
  metadata: { name: 'k', generation: 2 },
  spec: { replicas: 3, share: 0.5 },
  status: {
    observedGeneration: 2,
    ready: 2,
    conditions: [
      { type: 'Ready', status: 'False', reason: 'Rolling' },
      { type: 'Warning', status: 'True' },
    ],
    listeners: [{ name: 'a', conditions: [{ type: 'Programmed', status: 'True' }] }],
  },
};

function answer(text: string, value: unknown = kafka, answers: 'bool' | 'string' = 'bool') {
  const compiled = compileExpression(text, { ...SYNTAX, answers });
  assert.equal(compiled.kind, 'compiled', JSON.stringify(compiled));
  return compiled.kind === 'compiled' ? compiled.evaluate(value) : assert.fail();
}
const value = (text: string) => {
  const got = answer(text);
  return got.kind === 'value' ? got.value : got.message;
};

it('reads fields, conditions and whole numbers as a Kubernetes user writes them', () => {
  assert.equal(value("object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"), false);
  assert.equal(value('object.status.ready + 1 == object.spec.replicas'), true);
  assert.equal(value('object.status.observedGeneration >= object.metadata.generation'), true);
  assert.equal(value('object.status.conditions.filter(c, c.status == "True").size() == 1'), true);
  assert.equal(value('object.spec.share < 1.0 && object.spec.share * 2.0 == 1.0'), true);
  assert.equal(value('has(object.status.phase)'), false);
  assert.equal(value("object.?status.?phase.orValue('none') == 'none'"), true);
  assert.equal(value("object.status.listeners.all(l, l.conditions.exists(c, c.type == 'Programmed'))"), true);
  assert.equal(value("'a' in object.status.listeners.map(l, l.name)"), true);
  assert.equal(value("object.status.conditions[1] == {'type': 'Warning', 'status': 'True'}"), true);
});

it('gives texts where a text is asked for', () => {
  const text = "string(object.status.ready) + ' of ' + string(object.spec.replicas)";
  assert.deepEqual(answer(text, kafka, 'string'), { kind: 'value', value: '2 of 3' });
  assert.match(JSON.stringify(answer('object.spec.replicas', kafka, 'string')), /not a text/);
});

it('a failing evaluation says why and is no answer', () => {
  assert.match(value('object.status.phase == "Ready"') as string, /No such key: phase/);
  assert.match(value('object.status.ready') as string, /not true or false/);
  assert.match(value('object.spec.replicas > "3"') as string, /overload/);
  assert.equal(answer('object.a == 1', null).kind, 'failed');
});

it('says what is wrong with the text, and where', () => {
  const message = (text: string) => {
    const compiled = compileExpression(text, SYNTAX);
    return compiled.kind === 'invalid' ? compiled.message : assert.fail(`${text} compiles`);
  };
  assert.match(message('object.a =='), /at its end/);
  assert.match(message("objct.a == 'x'"), /Unknown variable: objct, at "objct/);
  assert.match(message("object.a == 'x'\n  &&& object.b"), /at "& object.b"/);
  assert.match(message("'eu'"), /must answer true or false, but is of type string/);
  assert.match(message("object.a.matches('(a+)+$')"), /matches is not served/);
  assert.match(message("cel.bind(a, object.s + object.s, a == 'x')"), /bind is not served/);
  assert.match(message('[1].all(a, [1].all(b, [1].all(c, true)))'), /deeper than 2/);
});

it('an evaluation ends soon, however large the value', () => {
  const items = Array.from({ length: 20_000 }, (_, index) => index);
  const nested = answer('object.items.exists(a, object.items.exists(b, a + b == -1))', { items });
  assert.match(JSON.stringify(nested), /reads too much/);
  const search = answer('object.items.all(a, !(-1 in object.items))', { items });
  assert.match(JSON.stringify(search), /reads too much/);
  const long = 'x'.repeat(60_000);
  const texts = answer("object.items.all(a, !object.long.contains('y'))", { items, long });
  assert.match(JSON.stringify(texts), /reads too much/);
});

it('an evaluation ends soon, whatever the expression makes of the value', () => {
  const list = (length: number) => `[${Array.from({ length }, (_, n) => n % 10).join(',')}]`;
  const sum = (name: string, terms: number) => Array.from({ length: terms }, () => name).join(' + ');
  const many = { items: Array.from({ length: 60_000 }, (_, index) => index) };
  const hostile: readonly (readonly [string, unknown])[] = [
    [`object.items.all(a, ${list(150)}.all(b, true))`, many],
    [`object.items.all(a, ${sum('a', 30)} >= 0)`, many],
    [`object.items.map(a, a).all(a, ${list(190)}.exists(b, b == 9))`, many],
    [
      `${list(190)}.all(a, ${list(190)}.all(b, object.text.contains('yy') || a + b >= 0))`,
      { text: 'x'.repeat(60_000) },
    ],
    ["[object.text].exists(t, object.items.exists(i, t.lowerAscii() == 'y'))", { ...many, text: 'x'.repeat(60_000) }],
    [
      "object.items.all(i, timestamp(object.at).getHours('Europe/Berlin') >= 0)",
      { ...many, at: '2026-11-22T00:00:00Z' },
    ],
  ];
  for (const [text, object] of hostile) assert.match(JSON.stringify(answer(text, object)), /reads too much/, text);
  // what a text may grow to is bounded by what may be added up
  const doubled = `[object.text].map(a, ${sum('a', 15)}).exists(a, (${sum('a', 15)}).upperAscii() == '')`;
  assert.deepEqual(answer(doubled, { text: 'x'.repeat(60_000) }), { kind: 'value', value: false });
});

it('serves only what works in proportion to what it reads', () => {
  const refused = [
    ["object.text.split('').all(a, true)", /split is not served/],
    ["object.items.join(object.text) == ''", /join is not served/],
    ["bytes(object.text).json().a == 'x'", /(json|bytes) is not served/],
    [`object.a == ${Array.from({ length: 33 }, () => "'x'").join(' + ')}`, /more than 30 sums/],
    ["optional.of('x').optMap(a, a + a).optMap(a, a + a).optMap(a, a + a).hasValue()", /deeper than 2/],
  ] as const;
  for (const [text, message] of refused) {
    const compiled = compileExpression(text, SYNTAX);
    assert.match(compiled.kind === 'invalid' ? compiled.message : '', message, text);
  }
  assert.match(JSON.stringify(answer("object.text == 'x'", { text: 'x'.repeat(100_000) })), /too long for it/);
  // what users write of a large object still works
  const conditions = Array.from({ length: 3_000 }, (_, index) => ({ type: `T${index}`, status: 'True' }));
  assert.equal(
    JSON.stringify(answer("object.conditions.exists(c, c.type == 'T2999' && c.status == 'True')", { conditions })),
    '{"kind":"value","value":true}',
  );
});

it('never throws, whatever it is given', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (text, json) => {
      for (const expression of [text, `object.${text}`, `object == ${text}`]) {
        const compiled = compileExpression(expression, SYNTAX);
        if (compiled.kind === 'compiled') assert.ok(['value', 'failed'].includes(compiled.evaluate(json).kind));
      }
    }),
    { numRuns: 300 },
  );
});
