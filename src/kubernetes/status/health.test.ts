import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json, KubeObject } from '../../base/index.ts';
import { judgeOf } from './health.ts';

function kafka(status?: Json, metadata: object = {}): KubeObject {
  return {
    ...{ apiVersion: 'kafka.strimzi.io/v1beta2', kind: 'Kafka', spec: { brokers: 3 } },
    metadata: { name: 'k', namespace: 'n', generation: 2, ...metadata },
    ...(status === undefined ? {} : { status }),
  };
}
const ready = (status: string) => [{ type: 'Ready', status, reason: 'Told', message: '' }];
const BROKERS = {
  kind: 'Kafka',
  current: 'object.status.brokers == object.spec.brokers',
  failed: 'has(object.status.broken)',
  message: "string(object.status.brokers) + ' brokers'",
};
const told = (rules: Parameters<typeof judgeOf>[0], live: KubeObject | undefined, wanted = live ?? kafka()) => {
  const { status, message } = judgeOf(rules)(wanted, live);
  return `${status}: ${message}`;
};

describe('health by a user’s rules', () => {
  it('replaces what conditions would say of a custom resource', () => {
    assert.equal(told([BROKERS], kafka({ brokers: 3, conditions: ready('False') })), 'current: 3 brokers');
    assert.equal(told([BROKERS], kafka({ brokers: 1, conditions: ready('True') })), 'inProgress: 1 brokers');
    assert.equal(told([BROKERS], kafka({ brokers: 3, broken: true })), 'failed: 3 brokers');
    assert.equal(told([], kafka({ brokers: 1, conditions: ready('True') })), 'current: Ready is True');
  });

  it('never stands above deletion, absence and a generation that was not seen', () => {
    const always = [{ kind: 'Kafka', current: 'true' }];
    assert.equal(told(always, undefined), 'notFound: does not exist');
    assert.match(told(always, kafka({ observedGeneration: 1 })), /^inProgress: generation 2 not yet seen/);
    assert.match(told(always, kafka({}, { deletionTimestamp: 't' })), /^terminating/);
  });

  it('comes beside the own rule of a built-in kind: both must hold', () => {
    const job = (complete: boolean, succeeded: number): KubeObject => ({
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j' }, spec: { completions: 2 } },
      status: { succeeded, conditions: complete ? [{ type: 'Complete', status: 'True' }] : [] },
    });
    const both = [{ kind: 'Job', current: 'object.status.succeeded == 2' }];
    assert.match(told(both, job(false, 2)), /^inProgress: 2 of 2 completions, 0 running/);
    assert.match(told(both, job(true, 1)), /^inProgress: health.cel: current is false/);
    assert.match(told(both, job(true, 2)), /^current: health.cel: current is true/);
  });

  it('several rules of one kind must all hold; one for another version says nothing', () => {
    const other = { kind: 'Kafka', apiVersion: 'kafka.strimzi.io/v1', current: 'false' };
    const second = { kind: 'Kafka', current: 'has(object.status.listeners)' };
    assert.equal(told([BROKERS, other], kafka({ brokers: 3 })), 'current: 3 brokers');
    assert.match(told([BROKERS, second], kafka({ brokers: 3 })), /^inProgress: health.cel: current is false/);
  });

  it('what cannot be evaluated is unknown, whichever expression it is; a message that cannot be is left out', () => {
    assert.match(told([BROKERS], kafka()), /^unknown: health.cel: failed cannot be evaluated: No such key: status/);
    const { failed: _, ...rest } = BROKERS;
    assert.match(told([rest], kafka({})), /^unknown: health.cel: current cannot be evaluated: No such key: brokers/);
    assert.match(told([{ ...rest, current: 'object.' }], kafka({})), /^unknown/);
    const wordless = { ...BROKERS, current: 'true', message: 'object.status.nothing' };
    assert.equal(told([wordless], kafka({})), 'current: health.cel: current is true');
  });
});

describe('what was asked for', () => {
  const job = (spec: Json): KubeObject => ({
    ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j' }, spec: spec as { [field: string]: Json } },
  });
  it('a Job that its manifest suspends is as it should be; one that another suspends waits', () => {
    const held = job({ suspend: true });
    assert.match(told([], held, held), /^current: suspended, as its manifest says/);
    assert.match(told([], held, job({})), /^inProgress: suspended/);
  });
  it('a Job that says when it is to be cleaned up, and was, has ended', () => {
    assert.match(told([], undefined, job({ ttlSecondsAfterFinished: 5 })), /^current: ended and cleaned up/);
    assert.match(told([], undefined, job({})), /^notFound/);
  });
});
