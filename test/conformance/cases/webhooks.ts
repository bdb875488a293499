/** Webhooks of admission, as an installation's own objects meet them. */
import assert from 'node:assert/strict';
import type { JsonObject, KubeObject } from '../../../src/base/index.ts';
import { answerPath, type Hook, patched, startHook } from '../../differential/hook.ts';
import { accepted, at, items, part, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { configMap, deployment } from '../manifests.ts';
import type { Cases } from '../suite.ts';

const GROUP = 'admissionregistration.k8s.io';
const NOWHERE = { url: 'https://127.0.0.1:1/x' };

async function opened(t: Trial): Promise<Hook> {
  const hook = await startHook();
  t.later(() => hook.close());
  return hook;
}

const client = (hook: Hook, response: JsonObject): JsonObject => ({
  url: hook.url + answerPath(response),
  caBundle: hook.caBundle,
});

function webhook(t: Trial, resources: readonly string[], clientConfig: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    name: `${t.own}.example.com`,
    clientConfig,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: [...resources], operations: ['CREATE', 'UPDATE'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': t.namespace } },
    ...more,
  };
}

/** Installs it with a probe beside it, which tells when the server knows. */
async function install(t: Trial, role: 'mutating' | 'validating', one: JsonObject): Promise<() => Promise<void>> {
  const plural = `${GROUP}/v1/${role}webhookconfigurations`;
  const kind = role === 'mutating' ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration';
  const labels = { probe: t.own };
  const probe = webhook(t, ['configmaps'], NOWHERE, { objectSelector: { matchLabels: labels } });
  const webhooks = [{ ...probe, name: `probe.${t.own}.example.com` }, one];
  const metadata = { name: t.own, labels: { app: t.own } };
  accepted(await t.post(t.global(plural), { apiVersion: `${GROUP}/v1`, kind, metadata, webhooks }), 201);
  const isKnown = async () => {
    const answer = await t.post(t.path('configmaps'), configMap('probe', {}, { labels }), { dryRun: 'All' });
    return answer.status === 500;
  };
  await t.eventually('the webhook to be known', isKnown);
  let isThere = true;
  const uninstall = async () => {
    if (!isThere) return;
    isThere = false;
    accepted(await t.remove(t.global(plural, t.own)), 200);
    await t.eventually('the webhook to be forgotten', async () => !(await isKnown()));
  };
  t.later(uninstall);
  return uninstall;
}

const failed = (t: Trial): string =>
  `failed calling webhook "${t.own}.example.com": failed to call webhook: Post "https://127.0.0.1:1/x?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused`;

async function live(t: Trial, name: string): Promise<KubeObject> {
  return accepted(await t.get(t.path('apps/v1/deployments', name)), 200);
}

export const webhooks: Cases = {
  async 'one that is not there refuses what it guards, dry runs and applies as well; gone, it does not'(t) {
    const uninstall = await install(t, 'validating', webhook(t, ['configmaps'], NOWHERE));
    const wanted = {
      reason: 'InternalError',
      message: `Internal error occurred: ${failed(t)}`,
      causes: [{ message: failed(t) }],
    };
    refused(await t.post(t.path('configmaps'), configMap('a')), 500, wanted);
    refused(await t.apply(t.path('configmaps', 'a'), configMap('a')), 500, wanted);
    refused(await t.apply(t.path('configmaps', 'a'), configMap('a'), { dryRun: true }), 500, wanted);
    await uninstall();
    accepted(await t.apply(t.path('configmaps', 'a'), configMap('a')), 201);
  },
  async 'one that may be ignored is'(t) {
    await install(t, 'validating', webhook(t, ['configmaps'], NOWHERE, { failurePolicy: 'Ignore' }));
    accepted(await t.apply(t.path('configmaps', 'a'), configMap('a')), 201);
  },
  async 'no webhook is asked about webhooks, so that each can be taken away'(t) {
    const plural = `${GROUP}/v1/validatingwebhookconfigurations`;
    const guard = webhook(t, ['*'], NOWHERE, {
      objectSelector: { matchLabels: { app: t.own } },
      rules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }],
    });
    await install(t, 'validating', guard);
    const body = { metadata: { annotations: { a: 'b' } } };
    accepted(await t.patch(t.global(plural, t.own), 'merge', body), 200);
    accepted(await t.remove(t.global(plural, t.own), undefined, { dryRun: 'All' }), 200);
  },
  async 'one that is there is asked, with what is to be and what was, and denies in its own words'(t) {
    const hook = await opened(t);
    accepted(await t.post(t.path('configmaps'), configMap('a', { k: 'v' })), 201);
    const status = { code: 409, reason: 'Conflict', message: 'not on a Monday' };
    await install(t, 'validating', webhook(t, ['configmaps'], client(hook, { allowed: false, status })));
    const answer = await t.apply(t.path('configmaps', 'a'), configMap('a', { k: 'w' }), { force: true });
    refused(answer, 409, {
      reason: 'Conflict',
      message: `admission webhook "${t.own}.example.com" denied the request: not on a Monday`,
    });
    const request = hook.asked.at(-1) as JsonObject;
    assert.equal(request.operation, 'UPDATE');
    assert.equal(at(request, 'object', 'data', 'k'), 'w');
    assert.equal(at(request, 'oldObject', 'data', 'k'), 'v');
    assert.deepEqual(part(accepted(await t.get(t.path('configmaps', 'a'))), 'data'), { k: 'v' });
  },
  async 'what it changes is stored, and owned by nobody'(t) {
    const hook = await opened(t);
    const patch = patched({ op: 'add', path: '/data/hooked', value: 'yes' });
    await install(t, 'mutating', webhook(t, ['configmaps'], client(hook, { ...patch, warnings: ['changed'] })));
    const answer = await t.apply(t.path('configmaps', 'a'), configMap('a', { k: 'v' }));
    assert.deepEqual(answer.warnings, ['changed']);
    const made = accepted(answer, 201);
    assert.deepEqual(part(made, 'data'), { k: 'v', hooked: 'yes' });
    assert.doesNotMatch(JSON.stringify(made.metadata.managedFields), /hooked/);
  },
  async 'pods of a Deployment are asked about too'(t) {
    const hook = await opened(t);
    const patch = patched({ op: 'add', path: '/metadata/labels/hooked', value: 'yes' });
    await install(t, 'mutating', webhook(t, ['pods'], client(hook, patch)));
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a', { replicas: 3 })), 201);
    await t.eventually('three ready', async () => part(await live(t, 'a'), 'status').readyReplicas === 3);
    const pods = items(await t.get(t.path('pods')));
    assert.deepEqual(
      pods.map(({ metadata }) => metadata.labels?.hooked),
      ['yes', 'yes', 'yes'],
    );
  },
  async 'a Deployment says that a webhook keeps its pods away; then they come'(t) {
    const uninstall = await install(t, 'validating', webhook(t, ['pods'], NOWHERE));
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a', { replicas: 1 })), 201);
    const found = await t.eventually('the condition', async () => {
      const conditions = (at(await live(t, 'a'), 'status', 'conditions') ?? []) as readonly JsonObject[];
      return conditions.find(({ type }) => type === 'ReplicaFailure');
    });
    assert.deepEqual(
      [found.status, found.reason, found.message],
      ['True', 'FailedCreate', `Internal error occurred: ${failed(t)}`],
    );
    await uninstall();
    await t.eventually('its pod', async () => part(await live(t, 'a'), 'status').readyReplicas === 1);
  },
};
