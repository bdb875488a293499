import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../../base/index.ts';
import { type Container, conditionOf, type Pod } from '../kinds/index.ts';
import { canReach } from './account.ts';
import { environmentOf, expand, fieldOf, type References } from './environment.ts';
import { type ContainerView, podStatus } from './pod-status.ts';
import { ProbeCount } from './probes.ts';
import { goDuration, restartOf } from './restarts.ts';
import { filesOf, mountRewriter } from './volumes.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const podOf = (spec: object = {}, metadata: object = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', labels: { app: 'web' }, ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  }) as unknown as Pod;
const view = (more: Partial<ContainerView> = {}): ContainerView => ({
  name: 'c',
  image: 'i',
  state: { running: {} },
  lastState: {},
  restartCount: 0,
  started: true,
  ready: true,
  ...more,
});
const ended = (exitCode: number) => view({ state: { terminated: { exitCode } }, ready: false, started: false });
const statusOf = (pod: Pod, containers: ContainerView[], init: ContainerView[] = []) =>
  podStatus({ pod, init, containers, podIp: '127.64.0.2', hostIp: '127.0.0.1', nowMs: NOW_MS });

describe('pod status', () => {
  it('is Running and Ready when its containers are', () => {
    const status = statusOf(podOf(), [view()]);
    assert.equal(status.phase, 'Running');
    assert.deepEqual(
      status.conditions?.map(({ type, status: value }) => `${type}=${value}`),
      ['PodReadyToStartContainers=True', 'Initialized=True', 'Ready=True', 'ContainersReady=True', 'PodScheduled=True'],
    );
    assert.equal(status.podIP, '127.64.0.2');
    assert.equal(status.qosClass, 'BestEffort');
  });

  it('names the containers that are not ready', () => {
    const status = statusOf(podOf(), [view(), view({ name: 'd', ready: false })]);
    assert.equal(conditionOf(status.conditions, 'Ready')?.message, 'containers with unready status: [d]');
  });

  it('is Pending until init containers are done, and Failed when one fails for good', () => {
    const withInit = podOf({ initContainers: [{ name: 'i', image: 'x' }] });
    const waiting = view({ state: { waiting: { reason: 'PodInitializing' } }, ready: false });
    const status = statusOf(withInit, [waiting], [view({ name: 'i' })]);
    assert.equal(status.phase, 'Pending');
    assert.equal(conditionOf(status.conditions, 'Initialized')?.message, 'containers with incomplete status: [i]');
    const never = podOf({ restartPolicy: 'Never', initContainers: [{ name: 'i', image: 'x' }] });
    assert.equal(statusOf(never, [waiting], [ended(1)]).phase, 'Failed');
  });

  it('ends by its restart policy', () => {
    assert.equal(statusOf(podOf({ restartPolicy: 'Never' }), [ended(0)]).phase, 'Succeeded');
    assert.equal(statusOf(podOf({ restartPolicy: 'Never' }), [ended(1)]).phase, 'Failed');
    assert.equal(statusOf(podOf({ restartPolicy: 'OnFailure' }), [ended(1)]).phase, 'Running');
    assert.equal(statusOf(podOf(), [ended(0)]).phase, 'Running');
    const done = statusOf(podOf({ restartPolicy: 'Never' }), [ended(0)]);
    assert.equal(conditionOf(done.conditions, 'Ready')?.reason, 'PodCompleted');
  });

  it('is final when nothing runs any more of a pod that is being deleted, whatever its restart policy', () => {
    const gone = (...containers: ContainerView[]) =>
      podStatus({
        pod: podOf(),
        init: [],
        containers,
        podIp: undefined,
        hostIp: '127.0.0.1',
        ended: true,
        nowMs: NOW_MS,
      });
    assert.equal(gone(ended(0)).phase, 'Succeeded');
    assert.equal(gone(ended(0), ended(143)).phase, 'Failed');
    assert.equal(gone(view({ state: { waiting: { reason: 'CrashLoopBackOff' } } })).phase, 'Failed');
  });

  it('keeps conditions of others, waits for readiness gates, and tells the quality of service', () => {
    const gated = {
      ...podOf({ readinessGates: [{ conditionType: 'mine' }] }),
      status: { conditions: [{ type: 'mine', status: 'False' }] },
    };
    const status = statusOf(gated as Pod, [view()]);
    assert.equal(conditionOf(status.conditions, 'Ready')?.reason, 'ReadinessGatesNotReady');
    assert.ok(conditionOf(status.conditions, 'mine'));
    const limits = { cpu: '1', memory: '1Gi' };
    assert.equal(
      statusOf(podOf({ containers: [{ name: 'c', image: 'i', resources: { limits } }] }), [view()]).qosClass,
      'Guaranteed',
    );
  });
});

describe('restarts', () => {
  it('are at once, then after 10 s doubled up to 5 minutes, or never', () => {
    const delays = [1, 2, 3, 4, 20].map((ends) => restartOf('Always', 1, ends));
    assert.deepEqual(
      delays.map((restart) => restart.kind === 'after' && restart.delayMs),
      [0, 10_000, 20_000, 40_000, 300_000],
    );
    assert.equal(restartOf('OnFailure', 0, 1).kind, 'never');
    assert.equal(restartOf('Never', 1, 1).kind, 'never');
    assert.deepEqual([500, 10_000, 160_000, 300_000].map(goDuration), ['500ms', '10s', '2m40s', '5m0s']);
  });
});

describe('environment', () => {
  const object = (data: object) =>
    ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data }) as unknown as KubeObject;
  const references: References = {
    configMap: (name) => (name === 'conf' ? object({ colour: 'blue' }) : undefined),
    secret: (name) => (name === 'key' ? object({ token: Buffer.from('s3cret').toString('base64') }) : undefined),
  };
  const facts = { podIp: '127.64.0.2', hostIp: '127.0.0.1' };
  const envOf = (container: object) =>
    environmentOf(podOf({ nodeName: 'n1' }), { name: 'c', image: 'i', ...container } as Container, references, facts);

  it('takes values, fields, keys and whole objects, and expands what stands before', () => {
    const result = envOf({
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'conf' } }, { secretRef: { name: 'none', optional: true } }],
      env: [
        { name: 'A', value: 'a' },
        { name: 'B', value: '$(A)-$$(A)-$(NONE)' },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'key', key: 'token' } } },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'conf', key: 'none', optional: true } } },
      ],
    });
    assert.deepEqual(result, {
      kind: 'ready',
      env: { P_colour: 'blue', A: 'a', B: 'a-$(A)-$(NONE)', TOKEN: 's3cret', NODE: 'n1', APP: 'web' },
    });
  });

  it('says what is missing', () => {
    assert.deepEqual(envOf({ envFrom: [{ configMapRef: { name: 'none' } }] }), {
      kind: 'missing',
      message: 'configmap "none" not found',
    });
    const key = envOf({ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'key', key: 'none' } } }] });
    assert.deepEqual(key, { kind: 'missing', message: `couldn't find key none in secret "key"` });
    assert.equal(expand('$(A', { A: 'x' }), '$(A');
    assert.equal(fieldOf(podOf(), 'metadata.labels', facts), 'app="web"');
  });

  it('makes files of volumes and finds mounts in texts', () => {
    const files = filesOf(
      { configMap: { name: 'conf', items: [{ key: 'colour', path: 'a/b' }] } },
      podOf(),
      references,
      facts,
    );
    assert.deepEqual(
      [...files].map(([path, value]) => [path, value.toString()]),
      [['a/b', 'blue']],
    );
    assert.throws(
      () => filesOf({ secret: { secretName: 'none' } }, podOf(), references, facts),
      /secret "none" not found/,
    );
    const mounts = [
      { name: 'v', mountPath: '/etc/shop/' },
      { name: 'w', mountPath: '/etc/shop/deep' },
    ];
    const rewrite = mountRewriter(
      { name: 'c', image: 'i', volumeMounts: mounts },
      new Map([
        ['v', '/s/v'],
        ['w', '/s/w'],
      ]),
    );
    assert.deepEqual(
      ['/etc/shop', '--x=/etc/shop/y', '/etc/shop/deep/z', '/etc/shopping', '/my/etc/shop'].map(rewrite),
      ['/s/v', '--x=/s/v/y', '/s/w/z', '/etc/shopping', '/my/etc/shop'],
    );
  });
});

describe('probes', () => {
  it('reach a verdict only at their thresholds', () => {
    const count = new ProbeCount({ failureThreshold: 2, successThreshold: 2 });
    const told = [false, true, false, false, false, true, true].map((ok) => count.take(ok));
    assert.deepEqual(told, [false, false, false, true, false, false, true]);
    assert.equal(count.verdict, true);
  });
});

describe('accounts', () => {
  it('reach a folder only if every folder above lets them through', () => {
    assert.equal(canReach('/root/x', undefined), true);
    assert.equal(canReach('/usr/bin', { uid: 65_534, gid: 65_534 }), true);
  });
});
