import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObject, type Json, type JsonObject, type KubeObject, limits } from '../base/index.ts';
import { createMask } from './masking.ts';
import { boundReasons, shortReason, withShortReason } from './reason-size.ts';
import { reasonOf } from './reasons.ts';
import type { ApiRequest, Client, Reason } from './types.ts';

const NAMESPACE = 'shop';
let made = 0;

function object(apiVersion: string, kind: string, name: string, fields: JsonObject, owner?: KubeObject): KubeObject {
  const ownerReferences =
    owner === undefined ? {} : { ownerReferences: [{ uid: owner.metadata.uid, kind: owner.kind }] };
  const creationTimestamp = new Date(1_700_000_000_000 + made * 1_000).toISOString();
  const metadata = { name, namespace: NAMESPACE, uid: `uid-${++made}`, creationTimestamp, ...ownerReferences };
  return { apiVersion, kind, metadata, ...fields } as unknown as KubeObject;
}

function deployment(replicas: number): KubeObject {
  const spec = { replicas, selector: { matchLabels: { app: 'checkout' } } };
  return object('apps/v1', 'Deployment', 'checkout', { spec, status: { observedGeneration: 1, replicas } });
}

function replicaSet(owner: KubeObject, fields: JsonObject = {}): KubeObject {
  return object('apps/v1', 'ReplicaSet', 'checkout-7d4c', { spec: { replicas: 3 }, status: {}, ...fields }, owner);
}

function pod(owner: KubeObject, name: string, status: JsonObject): KubeObject {
  return object('v1', 'Pod', name, { spec: { containers: [{ name: 'c' }] }, status }, owner);
}

function waiting(reason: string, message: string, more: JsonObject = {}): JsonObject {
  return {
    phase: 'Pending',
    containerStatuses: [{ name: 'c', ready: false, restartCount: 0, state: { waiting: { reason, message } }, ...more }],
  };
}

function event(about: KubeObject, reason: string, message: string, at: string, type = 'Warning'): KubeObject {
  const involvedObject = { uid: about.metadata.uid ?? '', kind: about.kind, name: about.metadata.name };
  return { ...object('v1', 'Event', `e${made}`, { involvedObject, reason, message, type, lastTimestamp: at }) };
}

/** An API server that holds these objects, and these logs by pod. */
function holding(objects: readonly KubeObject[], logs: { readonly [pod: string]: string } = {}) {
  const asked: ApiRequest[] = [];
  const answer = (status: number, body: Json) => ({ kind: 'answered' as const, status, body, warnings: [] });
  const request = async (one: ApiRequest) => {
    asked.push(one);
    const [, name] = /\/pods\/([^/]+)\/log$/.exec(one.path) ?? [];
    if (name !== undefined) return name in logs ? answer(200, logs[name] ?? '') : answer(400, {});
    const plural = one.path.split('/').at(-1) ?? '';
    const claim = /persistentvolumeclaims\/(.+)$/.exec(one.path)?.[1];
    if (claim !== undefined)
      return answer(200, objects.find(({ metadata }) => metadata.name === claim) as unknown as Json);
    const uid = String(one.query?.fieldSelector ?? '').split('=')[1];
    const items = objects.filter((each) => `${each.kind.toLowerCase()}s` === plural);
    const about = (each: KubeObject) => isObject(each.involvedObject) && each.involvedObject.uid === uid;
    return answer(200, { items: (uid === undefined ? items : items.filter(about)) as unknown as Json[], metadata: {} });
  };
  return { asked, source: { client: { request } as unknown as Client, mask: createMask() } };
}

function deepest(reason: Reason): Reason {
  return reason.causes[0] === undefined ? reason : deepest(reason.causes[0]);
}

describe('the chain of reasons', () => {
  it('a crash loop: down to the exit code, with the last lines and no secret among them', async () => {
    const root = deployment(1);
    const set = replicaSet(root);
    const last = { lastState: { terminated: { exitCode: 7, reason: 'Error' } }, restartCount: 3 };
    const one = pod(set, 'checkout-1', waiting('CrashLoopBackOff', 'back-off 40s restarting failed container=c', last));
    const { source } = holding([set, one], { 'checkout-1': 'begin\ndb password=hunter2\nfatal: no route\n' });
    const reason = await reasonOf(source, root);
    const found = deepest(reason);
    assert.deepEqual(
      [reason.ref.kind, reason.causes[0]?.ref.kind, found.ref.kind],
      ['Deployment', 'ReplicaSet', 'Pod'],
    );
    assert.equal(found.reason, 'CrashLoopBackOff');
    assert.deepEqual(
      found.containers?.map(({ exitCode, restarts }) => [exitCode, restarts]),
      [[7, 3]],
    );
    assert.deepEqual(found.logs, [{ container: 'c', lines: ['begin', 'db password=***', 'fatal: no route'] }]);
    assert.equal(shortReason([reason]), 'CrashLoopBackOff: exit code 7 (3 restarts)');
  });

  it('an image that cannot be pulled, in the words of the kubelet', async () => {
    const root = deployment(1);
    const set = replicaSet(root);
    const words = 'Back-off pulling image "reg.example/checkout:9"';
    const { source } = holding([set, pod(set, 'checkout-1', waiting('ImagePullBackOff', words))]);
    const reasons = [await reasonOf(source, root)];
    assert.equal(shortReason(reasons), `ImagePullBackOff: ${words}`);
    assert.equal(
      withShortReason('0 of 1 replicas ready', reasons),
      `0 of 1 replicas ready (ImagePullBackOff: ${words})`,
    );
    const named = '0 of 1 replicas ready (ImagePullBackOff: of another pod)';
    assert.equal(withShortReason(named, reasons), named, 'one cause is not told twice');
  });

  it('a hundred pods without room are one sentence of the scheduler, and those that fail otherwise stand beside', async () => {
    const root = deployment(103);
    const set = replicaSet(root);
    const words = '0/2 nodes are available: 2 Insufficient cpu.';
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: words };
    const without = Array.from({ length: 100 }, (_, n) =>
      pod(set, `checkout-${n}`, { phase: 'Pending', conditions: [condition] }),
    );
    const failing = Array.from({ length: 3 }, (_, n) =>
      pod(set, `checkout-x${n}`, waiting('ErrImagePull', `no image for checkout-x${n}`)),
    );
    const { source, asked } = holding([set, ...failing, ...without]);
    const reason = await reasonOf(source, root);
    const groups = reason.causes[0]?.causes ?? [];
    assert.deepEqual(
      groups.map(({ reason, count }) => [reason, count]),
      [
        ['FailedScheduling', 100],
        ['ErrImagePull', 3],
      ],
    );
    assert.equal(groups[0]?.others?.length, 5);
    assert.equal(shortReason([reason]), `100 pods: FailedScheduling: ${words}`);
    assert.ok(asked.length < 12, `${asked.length} requests`);
  });

  it('what admission refused is in the events of who wanted to make it: quota, policy, webhook', async () => {
    const words =
      'Error creating: pods "checkout-7d4c-" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2';
    const root = deployment(3);
    const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: words.slice(16) };
    const set = replicaSet(root, { status: { conditions: [failure] } });
    const viaCondition = await reasonOf(holding([set]).source, root);
    assert.equal(shortReason([viaCondition]), `FailedCreate: ${words.slice(16)}`);
    // StatefulSets, Jobs and DaemonSets have no such condition: their events alone say it
    const state = object('apps/v1', 'StatefulSet', 'db', {
      spec: { replicas: 2, selector: { matchLabels: { app: 'db' } } },
      status: {},
    });
    const events = [
      event(state, 'SuccessfulCreate', 'create Pod db-0', '2026-11-22T10:00:00Z', 'Normal'),
      event(state, 'FailedCreate', words, '2026-11-22T10:00:05Z'),
    ];
    const viaEvent = await reasonOf(holding(events).source, state);
    assert.equal(shortReason([viaEvent]), `FailedCreate: ${words}`);
    assert.deepEqual(
      viaEvent.events.map(({ reason }) => reason),
      ['FailedCreate', 'SuccessfulCreate'],
      'newest first',
    );
  });

  it('where a container only waits, the newest warning says for what', async () => {
    const root = deployment(1);
    const set = replicaSet(root);
    const one = pod(set, 'checkout-1', waiting('ContainerCreating', ''));
    const words = 'MountVolume.SetUp failed for volume "v" : secret "orders" not found';
    const { source } = holding([set, one, event(one, 'FailedMount', words, '2026-11-22T10:00:05Z')]);
    assert.equal(shortReason([await reasonOf(source, root)]), `FailedMount: ${words}`);
  });

  it('a pod that waits for its claim shows the claim', async () => {
    const root = object('apps/v1', 'StatefulSet', 'db', {
      spec: { replicas: 1, selector: { matchLabels: { app: 'db' } } },
      status: {},
    });
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } }];
    const one = { ...pod(root, 'db-0', { phase: 'Pending' }), spec: { volumes } } as unknown as KubeObject;
    const claim = object('v1', 'PersistentVolumeClaim', 'data-db-0', { status: { phase: 'Pending' } });
    const words = 'storageclass.storage.k8s.io "fast" not found';
    const reason = await reasonOf(
      holding([one, claim, event(claim, 'ProvisioningFailed', words, '2026-11-22T10:00:05Z')]).source,
      root,
    );
    assert.equal(deepest(reason).ref.kind, 'PersistentVolumeClaim');
    assert.equal(shortReason([reason]), `ProvisioningFailed: ${words}`);
  });

  it('of a series of events it is told when it was last seen, and how often', async () => {
    const root = object('v1', 'PersistentVolumeClaim', 'data', { status: { phase: 'Pending' } });
    const series = { count: 9, lastObservedTime: '2026-11-22T11:00:00.000000Z' };
    const one = {
      ...event(root, 'Waiting', 'still', '2026-11-22T10:00:00Z'),
      lastTimestamp: null,
      eventTime: '2026-11-22T10:00:00.000000Z',
      series,
    };
    const reason = await reasonOf(holding([one as unknown as KubeObject]).source, root);
    assert.deepEqual(
      reason.events.map(({ at, count }) => [at, count]),
      [[series.lastObservedTime, 9]],
    );
  });

  it('a cluster that answers nothing gives what the object itself says', async () => {
    const request = async () => ({ kind: 'unreachable' as const, sent: false, reason: 'ECONNREFUSED' });
    const reason = await reasonOf({ client: { request } as unknown as Client, mask: createMask() }, deployment(1));
    assert.deepEqual([reason.events, reason.causes, reason.leftOut], [[], [], 'ECONNREFUSED']);
  });
});

describe('the size of reasons', () => {
  const ref = { apiVersion: 'v1', kind: 'Pod', name: 'p' };
  const lines = Array.from({ length: limits.logLinesMax }, (_, n) => `${n}`.padEnd(limits.logLineBytesMax, 'x'));
  const events = Array.from({ length: 10 }, () => ({
    at: '',
    type: 'Warning',
    reason: 'R',
    message: 'm'.repeat(500),
    count: 1,
  }));
  const large = (depth: number): Reason => ({
    ref,
    status: { status: 'inProgress', message: '' },
    reason: `depth ${depth}`,
    events,
    logs: [{ container: 'c', lines }],
    causes: depth === 0 ? [] : [large(depth - 1), large(depth - 1), large(depth - 1), large(depth - 1)],
  });

  it('is kept below what is allowed; the deepest cause goes last', () => {
    for (const bytesMax of [1_000_000, 100_000, 20_000, 6_000]) {
      const bound = boundReasons([large(4), large(3)], bytesMax);
      assert.ok(Buffer.byteLength(JSON.stringify(bound)) <= bytesMax, `${bytesMax}`);
      assert.equal(bound.length > 0 ? deepest(bound[0] as Reason).reason : 'depth 0', 'depth 0');
      assert.match(bound[0]?.leftOut ?? '', /ldc logs/);
    }
    assert.deepEqual(boundReasons([large(0)], 1_000_000), [large(0)], 'what fits stays as it is');
    assert.deepEqual(boundReasons([large(4)], 100), []);
  });
});
