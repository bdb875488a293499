import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { SimulatedClock } from '../base/index.ts';
import { authenticate } from './authentication.ts';
import { plainSource, podSource } from './plain-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'ldc-authentication-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SERVER = 'https://127.0.0.1:6443';

function kubeconfig(user: object | undefined, cluster: object = {}): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: `${SERVER}/`, ...cluster } }],
    users: user === undefined ? [] : [{ name: 'u', user }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u' } },
      { name: 'nowhere', context: { cluster: 'gone', user: 'u' } },
    ],
    'current-context': 'one',
  });
}

function start(text: string, context?: string) {
  const clock = new SimulatedClock(0);
  const given = { kind: 'kubeconfig', text, ...(context === undefined ? {} : { context }) } as const;
  return authenticate(given, clock).then((authentication) => ({ clock, authentication }));
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('authentication by what is plain', () => {
  it('shows a token, reads its file anew after a minute and at once when the server refuses it', async () => {
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'first\n');
    const { authentication, clock } = await start(kubeconfig({ tokenFile, token: 'older' }));
    const shown = async (fresh = false) => (await authentication.access(fresh)).headers.authorization;
    assert.equal(await shown(), 'Bearer first');
    writeFileSync(tokenFile, 'second\n');
    assert.equal(await shown(), 'Bearer first', 'it is kept for a while');
    assert.equal(await shown(true), 'Bearer second');
    writeFileSync(tokenFile, 'third\n');
    await clock.advance(60_000);
    assert.equal(await shown(), 'Bearer third');
    await authentication.close();
  });

  it('keeps its connections while its certificates stay the same, and makes new ones when they change', async () => {
    const ca = join(folder, 'ca.crt');
    writeFileSync(ca, 'one');
    const user = { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') };
    const { authentication } = await start(kubeconfig(user, { 'certificate-authority': ca }));
    const first = await authentication.access(false);
    assert.equal(first.server, SERVER, 'without a slash at its end');
    assert.deepEqual(first.headers, {});
    const [again, both] = await Promise.all([authentication.access(true), authentication.access(true)]);
    assert.ok(again.dispatcher === first.dispatcher && both.dispatcher === first.dispatcher);
    writeFileSync(ca, 'two');
    const rotated = await authentication.access(true);
    assert.notEqual(rotated.dispatcher, first.dispatcher);
    await authentication.close();
  });

  it('who bears a token shows nothing of our own, over connections without our certificate', async () => {
    const user = { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key'), token: 'ours' };
    const { authentication } = await start(kubeconfig(user));
    const own = await authentication.access(false);
    const theirs = authentication.bearing(async () => 'theirs');
    const access = await theirs.access(false);
    assert.deepEqual(access.headers, { authorization: 'Bearer theirs' });
    assert.notEqual(access.dispatcher, own.dispatcher);
    const others = await authentication.bearing(async () => 'others').access(false);
    assert.equal(others.dispatcher, access.dispatcher, 'all bearers share one pool');
    await authentication.close();
  });

  it('gives up connections over which nothing is answered any more, but for one slow answer among others', async () => {
    const { authentication, clock } = await start(kubeconfig({ token: 't' }));
    const first = await authentication.access(false);
    await clock.advance(10_000);
    authentication.heard(first);
    authentication.unheard(first, 1_000); // sent before the last answer: that one waits for a webhook
    await clock.advance(3_000);
    authentication.unheard(first, 10_000);
    assert.equal((await authentication.access(false)).dispatcher, first.dispatcher, 'not after one short wait');
    await clock.advance(3_000);
    authentication.unheard(first, 13_000);
    const second = await authentication.access(false);
    assert.notEqual(second.dispatcher, first.dispatcher);
    await assert.rejects(
      async () => first.dispatcher?.request({ origin: SERVER, path: '/', method: 'GET' }),
      /destroyed/,
    );
    await clock.advance(30_000);
    authentication.unheard(first, 13_000); // of the former ones
    assert.equal((await authentication.access(false)).dispatcher, second.dispatcher);
    const theirs = authentication.bearing(async () => 'theirs');
    const before = await theirs.access(false);
    await clock.advance(5_000);
    theirs.unheard(before, 46_000);
    assert.notEqual((await theirs.access(false)).dispatcher, before.dispatcher, 'so do bearers');
    await authentication.close();
  });

  it('reads YAML with anchors, merges and a quoted token that looks like a number', async () => {
    const text = [
      'clusters:',
      `- { name: c, cluster: &c { server: "${SERVER}", insecure-skip-tls-verify: true } }`,
      '- { name: d, cluster: { <<: *c, tls-server-name: kubernetes } }',
      'users: [ { name: u, user: { token: "12345", client-key-data: null, exec: } } ]',
      'contexts: [ { name: x, context: { cluster: d, user: u } } ]',
      'current-context: x',
    ].join('\n');
    const source = await plainSource({ kind: 'kubeconfig', text });
    assert.equal(source?.server, SERVER);
    assert.deepEqual((await source?.read())?.headers, { authorization: 'Bearer 12345' });
  });

  it('in a pod it is the service account of the pod, elsewhere it says what to give', async () => {
    assert.equal(podSource('10.0.0.1', '443').server, 'https://10.0.0.1:443');
    assert.equal(podSource('fd00::1', '443').server, 'https://[fd00::1]:443');
    const clock = new SimulatedClock(0);
    await assert.rejects(
      authenticate({ kind: 'inCluster', host: undefined, port: undefined }, clock),
      /no pod of a cluster.*give a kubeconfig/,
    );
  });
});

describe('authentication by what is not', () => {
  it('leaves plugins, proxies, providers, impersonation and plain HTTP to client-node', async () => {
    const exec = { command: 'x', apiVersion: 'client.authentication.k8s.io/v1' };
    for (const [user, cluster] of [
      [{ exec }, {}],
      [{ 'auth-provider': { name: 'oidc' } }, {}],
      [{ username: 'u', password: 'p' }, {}],
      [{ token: 't', as: 'somebody' }, {}],
      [{ token: 't' }, { 'proxy-url': 'http://127.0.0.1:1' }],
      [{ token: 't' }, { server: 'http://127.0.0.1:1' }],
    ] as const) {
      const text = kubeconfig(user, cluster);
      assert.equal(await plainSource({ kind: 'kubeconfig', text }), undefined, text);
    }
  });

  it('an exec plugin is asked for its token', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'x1' },
    };
    const exec = {
      apiVersion: credential.apiVersion,
      command: process.execPath,
      args: ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`],
      interactiveMode: 'Never',
    };
    const { authentication } = await start(kubeconfig({ exec }));
    const { headers, server } = await authentication.access(false);
    assert.equal(server, SERVER);
    assert.deepEqual(Object.values(headers), ['Bearer x1']);
    await authentication.close();
  });

  it('what cannot be used is refused with a sentence', async () => {
    await assert.rejects(start(kubeconfig({ token: 't' }), 'two'), /has no context two; it has one, nowhere/);
    await assert.rejects(start(kubeconfig({ token: 't' }), 'nowhere'), /no current context with a cluster/);
    await assert.rejects(start(': no [ kubeconfig'));
  });

  it('a token without quotes that YAML reads as something else is refused, as kubectl does', async () => {
    const user = { 'auth-provider': { name: 'oidc' } };
    for (const [token, kind] of [
      ['12345', 'number'],
      ['1.50', 'number'],
      ['true', 'boolean'],
    ] as const) {
      const text = kubeconfig({ token: 'TOKEN' }).replace('"TOKEN"', token);
      assert.equal(await plainSource({ kind: 'kubeconfig', text }), undefined);
      const sentence = new RegExp(`token of user u of the kubeconfig is no text but a ${kind}: put it in quotes`);
      await assert.rejects(start(text), sentence);
      const careful = kubeconfig({ token: 'TOKEN', ...user }).replace('"TOKEN"', token);
      await assert.rejects(start(careful), sentence);
    }
  });

  it('who would act with other rights than kubectl does is refused: groups of who is impersonated are not sent', async () => {
    const { authentication } = await start(kubeconfig({ token: 't', as: 'somebody' }));
    assert.equal((await authentication.access(false)).headers['Impersonate-User'], 'somebody');
    await authentication.close();
    const user = { token: 't', as: 'somebody', 'as-groups': ['viewers'], 'as-uid': '7' };
    await assert.rejects(start(kubeconfig(user)), /has as-uid, as-groups, which ldc does not send: give one/);
    const extra = { token: 't', as: 'somebody', 'as-user-extra': { scopes: ['view'] } };
    await assert.rejects(start(kubeconfig(extra)), /has as-user-extra, which ldc does not send: give one/);
  });
});
