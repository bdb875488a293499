/** Compares what was printed with what is expected at that place. */
import assert from 'node:assert/strict';
import { runScenario } from './run.ts';
import { expectedAt, readTranscript, show } from './transcript.ts';
import type { Kubectl, Place, Scenario } from './types.ts';

/** @throws AssertionError that shows every step that differs. */
export async function judge(
  scenario: Scenario,
  kubectl: Kubectl,
  kubeconfig: string,
  server: Place['server'],
): Promise<void> {
  const transcript = readTranscript(scenario.name);
  const printed = await runScenario(scenario, kubectl, kubeconfig);
  const place = { server, minor: kubectl.minor };
  const differing = printed
    .map((one) => ({ step: one.step, actual: show(one), expected: expectedAt(transcript, one.step, place) }))
    .filter(({ actual, expected }) => actual !== expected);
  const text = (which: 'actual' | 'expected') =>
    differing.map((one) => `== ${one.step}\n${one[which] ?? 'NOT RECORDED: test/kubectl/record.ts\n'}`).join('\n');
  assert.equal(text('actual'), text('expected'), `kubectl 1.${kubectl.minor}, ${scenario.name}`);
}
