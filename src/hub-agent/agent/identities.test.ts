import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Json, SimulatedClock } from '../../base/index.ts';
import { type Client, createDiscovery } from '../../kubernetes/index.ts';
import { Halted } from './halted.ts';
import { createIdentities } from './identities.ts';

const DEPLOYER = { namespace: 'shop', name: 'deployer' };

/** Hands out t1, t2, …; what bears one says so in every answer. */
function server(answers: { status?: number } = {}) {
  const clock = new SimulatedClock();
  const requests: string[] = [];
  let tokens = 0;
  const bearing: NonNullable<Client['bearing']> = (token) =>
    ({ request: async () => ({ kind: 'answered', status: 200, body: await token(false), warnings: [] }) }) as never;
  const client = {
    bearing,
    async request({ method, path, body }: { method: string; path: string; body?: Json }) {
      requests.push(`${method} ${path} ${JSON.stringify(body)}`);
      const { status = 201 } = answers;
      const said = status === 201 ? { status: { token: `t${++tokens}` } } : { message: 'no', reason: 'Forbidden' };
      return { kind: 'answered', status, body: said, warnings: [] };
    },
  } as unknown as Client;
  return { clock, requests, identities: createIdentities(client, createDiscovery(client, clock), clock), client };
}

const bearer = async (client: Client) => {
  const answer = await client.request({ method: 'GET', path: '/' });
  return answer.kind === 'answered' ? answer.body : undefined;
};
const refusal = async (run: () => Promise<unknown>) => {
  const error = await run().then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Halted && error.outcome.kind === 'refused');
  return error.outcome.refusal;
};

describe('identities', () => {
  it('as itself the agent uses its own client and asks for nothing', async () => {
    const { identities, requests, client } = server();
    assert.equal((await identities.as(undefined)).client, client);
    assert.deepEqual(requests, []);
  });

  it('as an account it bears a token of ten minutes, asked for once and again before its end', async () => {
    const { identities, requests, clock } = server();
    const [one, same] = await Promise.all([identities.as(DEPLOYER), identities.as({ ...DEPLOYER })]);
    assert.equal(one, same);
    assert.deepEqual(requests, [
      'POST /api/v1/namespaces/shop/serviceaccounts/deployer/token {"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":600}}',
    ]);
    assert.deepEqual(one.serviceAccount, DEPLOYER);
    assert.equal(await bearer(one.client), 't1');
    await clock.advance(470_000);
    assert.equal(await bearer(one.client), 't1');
    await clock.advance(20_000);
    assert.equal(await bearer(one.client), 't2');
  });

  it('says what stands in the way: no right to its token, no such account, no way to bear one', async () => {
    const mayNot = await refusal(() => server({ status: 403 }).identities.as(DEPLOYER));
    assert.equal(mayNot.kind, 'mayNotActAs');
    assert.match(mayNot.message, /may not act as ServiceAccount shop\/deployer: it may not create its token/);
    const absent = await refusal(() => server({ status: 404 }).identities.as(DEPLOYER));
    assert.equal(absent.kind, 'noServiceAccount');
    assert.match(absent.hint ?? '', /kubectl -n shop create serviceaccount deployer/);
    const { client, clock } = server();
    const { bearing: _, ...poor } = client;
    const unable = createIdentities(poor, createDiscovery(client, clock), clock);
    assert.equal((await refusal(() => unable.as(DEPLOYER))).kind, 'mayNotActAs');
  });

  it('asks for no token by a name that is none', async () => {
    const { identities, requests } = server();
    for (const name of ['..', '../../secrets/x', 'a/b', 'a?b', 'a%2fb', '', 'A', 'x'.repeat(254)]) {
      assert.equal((await refusal(() => identities.as({ namespace: 'shop', name }))).kind, 'noServiceAccount', name);
      assert.equal((await refusal(() => identities.as({ namespace: name, name: 'a' }))).kind, 'noServiceAccount');
    }
    assert.deepEqual(requests, []);
    await identities.as({ namespace: 'shop', name: 'robot.deploys-1' });
    assert.equal(requests.length, 1);
  });

  it('forgets accounts that nobody uses any more, and never knows more than so many', async () => {
    const { identities, requests, clock } = server();
    const account = (n: number) => ({ namespace: 'shop', name: `robot-${n}` });
    const used = await identities.as(DEPLOYER);
    const idle = await identities.as(account(0));
    await clock.advance(700_000);
    assert.equal(identities.of(DEPLOYER), used);
    await clock.advance(600_000);
    await identities.as(account(1));
    assert.equal(identities.of(DEPLOYER), used, 'it was used');
    assert.notEqual(identities.of(account(0)), idle);
    assert.equal(typeof (await bearer(idle.client)), 'string', 'who still holds it goes on');
    for (let n = 2; n < 400; n++) {
      identities.of(account(n));
      identities.of(DEPLOYER);
    }
    assert.equal(identities.of(DEPLOYER), used, 'of many, what is used stays');
    const asked = requests.length;
    await identities.as(account(1));
    assert.equal(requests.length, asked + 1, 'and what is not, goes');
  });

  it('a token that is refused in the midst of something is a refusal, and no line that is down', async () => {
    const answers: { status?: number } = {};
    const { clock, client } = server(answers);
    const { bearing } = client;
    // as the client has it: whoever has no token is unreachable
    (client as { bearing: unknown }).bearing = (token: (fresh: boolean) => Promise<string>) => ({
      ...bearing?.(token),
      request: () =>
        token(true).then(
          () => ({ kind: 'answered', status: 404, body: {}, warnings: [] }),
          (error: Error) => ({ kind: 'unreachable', sent: true, reason: error.message }),
        ),
    });
    const info = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
    const served = { kind: async () => ({ kind: 'served', info }), forget() {} };
    const identities = createIdentities(client, served as never, clock);
    const { objects } = await identities.as(DEPLOYER);
    const look = () => objects.remove({ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', namespace: 'shop' }, 'u');
    answers.status = 404;
    assert.equal((await refusal(look)).kind, 'noServiceAccount');
    assert.equal(
      (await refusal(() => identities.as(DEPLOYER))).kind,
      'noServiceAccount',
      'the held one is worth nothing',
    );
    answers.status = 503;
    const away = await look().catch((thrown: unknown) => thrown);
    assert.ok(away instanceof Halted && away.outcome.kind === 'retry', 'that is a line that is down');
    answers.status = 201;
    await identities.as(DEPLOYER);
  });

  it('an API server that is away is asked again, and refuses nobody', async () => {
    const { identities } = server({ status: 503 });
    const error = await identities.as(DEPLOYER).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof Halted && error.outcome.kind === 'retry');
  });
});
