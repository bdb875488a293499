/** Who one is and what one may: accounts, tokens, certificates, reviews. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { JsonObject, KubeObject } from '../../../src/base/index.ts';
import { createRequest } from '../../../src/hub-agent/certificates.ts';
import { accepted, at, type Caller, items, part, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { account, configMap } from '../manifests.ts';
import type { Cases } from '../suite.ts';

const RBAC = 'rbac.authorization.k8s.io';

async function makeAccount(t: Trial, name = 'robot'): Promise<string> {
  accepted(await t.post(t.path('serviceaccounts'), account(name)), 201);
  return `system:serviceaccount:${t.namespace}:${name}`;
}

async function tokenOf(t: Trial, spec: JsonObject = {}, name = 'robot'): Promise<string> {
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const answer = accepted(await t.post(t.path('serviceaccounts', name, 'token'), request), 201);
  return String(part(answer, 'status').token);
}

async function grant(t: Trial, rules: readonly JsonObject[], name = 'robot'): Promise<void> {
  const role = { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata: { name }, rules };
  accepted(await t.post(t.path(`${RBAC}/v1/roles`), role), 201);
  const roleRef = { apiGroup: RBAC, kind: 'Role', name };
  const subjects = [{ kind: 'ServiceAccount', name, namespace: t.namespace }];
  const binding = { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata: { name }, roleRef, subjects };
  accepted(await t.post(t.path(`${RBAC}/v1/rolebindings`), binding), 201);
}

async function whoami(caller: Caller): Promise<JsonObject> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = await caller.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', review);
  return part(accepted(answer, 201), 'status', 'userInfo');
}

async function tokenReview(t: Trial, spec: JsonObject): Promise<JsonObject> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
  return part(accepted(await t.post('/apis/authentication.k8s.io/v1/tokenreviews', review), 201), 'status');
}

async function may(caller: Caller, resourceAttributes: JsonObject): Promise<boolean> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const answer = await caller.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review);
  return part(accepted(answer, 201), 'status').allowed === true;
}

export const tokens: Cases = {
  async 'a token for an account: for a while, with an end; its bearer is the account'(t) {
    const user = await makeAccount(t);
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 600 },
    };
    const answer = accepted(await t.post(t.path('serviceaccounts', 'robot', 'token'), request), 201);
    const { token, expirationTimestamp } = part(answer, 'status');
    assert.equal(part(answer, 'spec').expirationSeconds, 600);
    const left = Date.parse(String(expirationTimestamp)) - Date.now();
    assert.ok(left > 500_000 && left <= 601_000, String(left));
    const info = await whoami(await t.as({ token: String(token) }));
    assert.equal(info.username, user);
    assert.deepEqual(info.groups, [
      'system:serviceaccounts',
      `system:serviceaccounts:${t.namespace}`,
      'system:authenticated',
    ]);
  },
  async 'under ten minutes there is none, nor for an account that is not there'(t) {
    await makeAccount(t);
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 60 } };
    refused(await t.post(t.path('serviceaccounts', 'robot', 'token'), request), 422, {
      causes: [
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: 60: may not specify a duration less than 10 minutes',
          field: 'spec.expirationSeconds',
        },
      ],
    });
    const other = { ...request, spec: {} };
    refused(await t.post(t.path('serviceaccounts', 'none', 'token'), other), 404, {
      message: 'serviceaccounts "none" not found',
    });
  },
  async 'a review knows it, for its audiences only'(t) {
    const username = await makeAccount(t);
    const own = await tokenOf(t);
    const good = await tokenReview(t, { token: own });
    assert.equal(good.authenticated, true);
    assert.equal(part(good, 'user').username, username);
    const vault = await tokenOf(t, { audiences: ['vault'] });
    assert.equal((await tokenReview(t, { token: vault })).authenticated, undefined);
    const aimed = await tokenReview(t, { token: vault, audiences: ['vault', 'other'] });
    assert.deepEqual([aimed.authenticated, aimed.audiences], [true, ['vault']]);
    const none = await tokenReview(t, { token: 'not-a-token' });
    assert.equal(none.authenticated, undefined);
    assert.match(String(none.error), /invalid bearer token/);
    refused(await (await t.as({ token: vault })).get(t.path('configmaps')), 401, { message: 'Unauthorized' });
  },
  async 'with its account goes the token; also with one of the same name that came after'(t) {
    await makeAccount(t);
    const caller = await t.as({ token: await tokenOf(t) });
    await whoami(caller);
    accepted(await t.remove(t.path('serviceaccounts', 'robot')));
    const late = async () => (await caller.get('/api/v1/namespaces/default')).status === 401;
    await t.eventually('the token to be refused', late);
    await makeAccount(t);
    refused(await caller.get(t.path('configmaps')), 401, { reason: 'Unauthorized', message: 'Unauthorized' });
  },
  async 'a token bound to an object goes with that object'(t) {
    await makeAccount(t);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } };
    const { uid = '' } = accepted(await t.post(t.path('secrets'), secret)).metadata;
    const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name: 's', uid };
    const caller = await t.as({ token: await tokenOf(t, { boundObjectRef }) });
    await whoami(caller);
    accepted(await t.remove(t.path('secrets', 's')));
    await t.eventually('the token to be refused', async () => {
      return (await caller.get('/api/v1/namespaces/default')).status === 401;
    });
  },
  async 'garbage is nobody'(t) {
    refused(await (await t.as({ token: 'garbage' })).get('/api/v1/namespaces'), 401, {
      reason: 'Unauthorized',
      message: 'Unauthorized',
    });
  },
};

export const rights: Cases = {
  async 'what no role gives is 403, in words that name who, what and where'(t) {
    const user = await makeAccount(t);
    const caller = await t.as({ token: await tokenOf(t) });
    refused(await caller.get(t.path('configmaps', 'a')), 403, {
      reason: 'Forbidden',
      message: `configmaps "a" is forbidden: User "${user}" cannot get resource "configmaps" in API group "" in the namespace "${t.namespace}"`,
      details: { name: 'a', kind: 'configmaps' },
    });
    refused(await caller.apply(t.path('apps/v1/deployments', 'a'), {}), 403, {
      message: `deployments.apps "a" is forbidden: User "${user}" cannot patch resource "deployments" in API group "apps" in the namespace "${t.namespace}"`,
    });
    refused(await caller.get(t.global('nodes')), 403, {
      message: `nodes is forbidden: User "${user}" cannot list resource "nodes" in API group "" at the cluster scope`,
    });
  },
  async 'a role gives exactly what it says'(t) {
    await makeAccount(t);
    const caller = await t.as({ token: await tokenOf(t) });
    await grant(t, [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['patch'] },
    ]);
    await t.eventually('the role to hold', async () => (await caller.get(t.path('configmaps'))).status === 200);
    accepted(await caller.post(t.path('configmaps'), configMap('a')), 201);
    refused(await caller.remove(t.path('configmaps', 'a')), 403);
    refused(await caller.patch(t.path('configmaps', 'a'), 'merge', {}), 403);
    refused(await caller.get(t.path('secrets', 'mine')), 404);
    refused(await caller.get(t.path('secrets', 'other')), 403);
    refused(await caller.get(t.path('secrets')), 403);
    refused(await caller.patch(t.path('apps/v1/deployments', 'x', 'scale'), 'merge', {}), 404);
    refused(await caller.patch(t.path('apps/v1/deployments', 'x'), 'merge', {}), 403);
    refused(await caller.get(t.in('default', 'configmaps')), 403);
  },
  async 'an apply that creates needs create as well'(t) {
    await makeAccount(t);
    const caller = await t.as({ token: await tokenOf(t) });
    await grant(t, [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'patch'] }]);
    await t.eventually('the role to hold', async () => (await caller.get(t.path('configmaps', 'a'))).status === 404);
    refused(await caller.apply(t.path('configmaps', 'a'), configMap('a')), 403, {
      message: /cannot create resource "configmaps" in API group ""/,
    });
    accepted(await t.post(t.path('configmaps'), configMap('a')));
    accepted(await caller.apply(t.path('configmaps', 'a'), configMap('a', { k: '1' })), 200);
  },
  async 'asked beforehand: one access, or all rules'(t) {
    await makeAccount(t);
    const caller = await t.as({ token: await tokenOf(t) });
    const rule = { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] };
    await grant(t, [rule]);
    const asked = { namespace: t.namespace, group: 'apps', resource: 'deployments' };
    await t.eventually('the role to hold', async () => may(caller, { ...asked, verb: 'patch' }));
    assert.equal(await may(caller, { ...asked, verb: 'delete' }), false);
    assert.equal(await may(caller, { ...asked, verb: 'get', namespace: 'default' }), false);
    assert.equal(await may(caller, { ...asked, verb: 'get', subresource: 'scale' }), false);
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      spec: { namespace: t.namespace },
    };
    const answer = await caller.post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', review);
    const status = part(accepted(answer, 201), 'status');
    assert.equal(status.incomplete, false);
    const rules = status.resourceRules as readonly JsonObject[];
    assert.ok(
      rules.some(
        (one) => JSON.stringify(one.resources) === '["deployments"]' && JSON.stringify(one.verbs) === '["get","patch"]',
      ),
      JSON.stringify(rules),
    );
    assert.ok(rules.some((one) => JSON.stringify(one.resources).includes('selfsubjectaccessreviews')));
  },
  async 'an administrator may everything'(t) {
    assert.equal(await may(t, { verb: '*', group: '*', resource: '*' }), true);
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: 'nobody', resourceAttributes: { verb: 'get', resource: 'secrets', namespace: 'default' } },
    };
    const answer = await t.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
    assert.equal(part(accepted(answer, 201), 'status').allowed, false);
  },
};

const CSRS = 'certificates.k8s.io/v1/certificatesigningrequests';

/** Asks for a client certificate; the request goes with the case. */
async function askFor(
  t: Trial,
  subject: string,
  spec: JsonObject = {},
): Promise<{ path: string; key: string; made: KubeObject }> {
  const { key, request } = await createRequest(subject);
  const sent = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: subject },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      expirationSeconds: 3600,
      ...spec,
    },
  };
  const made = accepted(await t.post(t.global(CSRS), sent), 201);
  const path = t.global(CSRS, subject);
  t.later(() => t.remove(path));
  return { path, key, made };
}

function decide(t: Trial, path: string, live: KubeObject, type: string) {
  const condition = { type, status: 'True', reason: 'ByTest', message: 'decided in a test' };
  return t.put(`${path}/approval`, { ...live, status: { conditions: [condition] } } as KubeObject);
}

export const certificates: Cases = {
  async 'a request that is approved is signed; its bearer is its subject'(t) {
    const { path, key, made } = await askFor(t, t.own);
    assert.equal(part(made, 'spec').username, part(accepted(await t.get(path)), 'spec').username);
    assert.equal(part(made, 'status').certificate, undefined);
    const approved = accepted(await decide(t, path, made, 'Approved'));
    assert.equal(at(approved, 'status', 'conditions', 0, 'type'), 'Approved');
    const pem = await t.eventually('the certificate', async () => {
      const { certificate } = part(accepted(await t.get(path)), 'status');
      return typeof certificate === 'string' && Buffer.from(certificate, 'base64').toString();
    });
    const certificate = new X509Certificate(pem);
    assert.match(certificate.subject, new RegExp(`CN=${t.own}`));
    const caller = await t.as({ certificatePem: pem, keyPem: key });
    assert.equal((await whoami(caller)).username, t.own);
    refused(await caller.get(t.path('configmaps')), 403);
  },
  async 'one that is denied is not, and cannot be approved any more'(t) {
    const { path, made } = await askFor(t, t.own);
    const denied = accepted(await decide(t, path, made, 'Denied'));
    assert.equal(part(denied, 'status').certificate, undefined);
    refused(await decide(t, path, denied, 'Approved'), 422, { reason: 'Invalid' });
  },
  async 'another signer signs nothing; what is no request is refused'(t) {
    const { path, made } = await askFor(t, t.own, { signerName: 'example.com/mine', usages: ['client auth'] });
    accepted(await decide(t, path, made, 'Approved'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(part(accepted(await t.get(path)), 'status').certificate, undefined);
    const broken = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: `${t.own}-broken` },
      spec: {
        request: Buffer.from('no request').toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
      },
    };
    const status = refused(await t.post(t.global(CSRS), broken), 422, { reason: 'Invalid' });
    assert.equal(at(status, 'details', 'causes', 0, 'field'), 'spec.request');
    assert.deepEqual(
      items(await t.get(t.global(CSRS), { fieldSelector: 'spec.signerName=example.com/mine,metadata.name=nothing' })),
      [],
    );
  },
};
