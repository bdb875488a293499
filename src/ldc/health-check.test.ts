import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemText } from '../base/index.ts';
import { readStack } from './index.ts';

const KAFKA = 'apiVersion: kafka.strimzi.io/v1beta2\nkind: Kafka\nmetadata: { name: k }\n';
const SECRET = 'apiVersion: v1\nkind: Secret\nmetadata: { name: s }\n';

function read(cel: string) {
  const text = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: shop }
spec:
  namespace: shop
  functions:
    - name: queue
      manifests: [ ./queue ]
      health:
        cel:
${cel}`;
  const files = new Map([['queue/all.yaml', `${KAFKA}---\n${SECRET}`]]);
  const answer = readStack({ path: 'stack.yaml', text, files });
  return { spec: answer.stack?.spec.functions[0], texts: answer.problems.map(problemText) };
}

test('rules for the health of a kind are read', () => {
  const { spec, texts } = read(`          - kind: Kafka
            apiVersion: kafka.strimzi.io/v1beta2
            current: object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')
            failed: has(object.status.phase) && object.status.phase == 'Failed'
            message: "'replicas: ' + string(object.spec.replicas)"
`);
  assert.deepEqual(texts, []);
  assert.equal(spec?.health.cel?.[0]?.kind, 'Kafka');
});

test('every problem has its place: what cannot be compiled, and what no manifest has', () => {
  const { texts } = read(`          - { kind: Kafka, current: "object.status.ready ==", message: "true" }
          - { kind: Kafka, current: "objekt.x == 1", failed: "object.a.matches('x')" }
          - { kind: Kafak, current: "true" }
          - { kind: Kafka, apiVersion: kafka.strimzi.io/v1, current: "true" }
          - { kind: Secret, current: "true" }
          - { kind: Kafka }
`);
  const expected = [
    /^stack\.yaml:11:\d+ .*at its end/,
    /^stack\.yaml:11:\d+ .*must answer a text, but is of type bool/,
    /^stack\.yaml:12:\d+ .*Unknown variable: objekt/,
    /^stack\.yaml:12:\d+ .*matches is not served/,
    /^stack\.yaml:13:\d+ .*the function has no Kafak \(did you mean "Kafka"\?\)/,
    /^stack\.yaml:14:\d+ .*no Kafka of kafka\.strimzi\.io\/v1 \(did you mean "kafka\.strimzi\.io\/v1beta2"\?\)/,
    /^stack\.yaml:15:\d+ .*the health of a Secret cannot be asked/,
    /^stack\.yaml:16:\d+ .*"current" is missing/,
  ];
  for (const [index, pattern] of expected.entries()) assert.match(texts[index] ?? '', pattern);
  assert.equal(texts.length, expected.length, texts.join('\n'));
});
