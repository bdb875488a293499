/** Logs, events and reasons of a stack from above: over REST and CLI, through the agents' own lines. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createClient, type HubClient, routes } from '../src/api/client/index.ts';
import { systemClock as clock, type KubeObject, systemRandom as random } from '../src/base/index.ts';
import { readAdminToken } from '../src/main/hub.ts';
import type { Told } from '../src/stacks/index.ts';
import { problemOf, startWorld, until, type World } from './world.ts';
import { EVERYWHERE, secret, stackOf } from './world-objects.ts';

const LDC = join(import.meta.dirname, '..', 'bin', 'ldc');
const SECRET = 'correct-horse-battery';
const STACK = { project: 'default', name: 'talk' };

/** Runs a shell script where the container would be. */
function talker(name: string, script: string, more: object = {}): KubeObject {
  const labels = { app: name };
  const env = [{ name: 'SECRET', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } }];
  const containers = [{ name: 'c', image: 'ldc.dev/http:1', command: ['/bin/sh', '-c', script], env, ...more }];
  const template = { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 0 } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
}

/** Without it a container that lives a moment may be taken for ready. */
const NEVER_READY = { readinessProbe: { exec: { command: ['/bin/false'] }, periodSeconds: 1 } };
const SAYS =
  'echo begin; echo "login with $SECRET"; echo "db_password=hunter2 ok"; i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.2; done';
const POURS =
  'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo "$i aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; done; echo poured; while :; do sleep 1; done';

let world: World;
let viewer: HubClient;
before(async () => {
  // its lines pour: on a busy machine three short heartbeats pass before a word gets through, and a cut line ends its streams
  world = await startWorld({
    timers: { heartbeatMs: 2_000, suspectAfterMs: 8_000, lostAfterMs: 16_000, backAfterMs: 300 },
  });
  const source = stackOf({
    name: STACK.name,
    functions: {
      says: { objects: [secret('login', { password: SECRET }), talker('says', SAYS)], locations: EVERYWHERE },
      pours: { objects: [talker('pours', POURS)], needs: ['says'] },
    },
  });
  const view = await world.apply(source);
  assert.equal(view.state, 'committed', JSON.stringify(view.cause));
  const { token } = await world.client.call(routes.tokens.create, { body: { name: 'looker', roles: ['viewer'] } });
  viewer = createClient({ hub: world.hub.url, token, ca: world.hub.caPem }, { clock, random });
  writeFileSync(join(world.dir, 'ca.pem'), world.hub.caPem);
});
after(async () => {
  await viewer?.close();
  await world?.close();
});

type LogQuery = NonNullable<NonNullable<Parameters<typeof logs>[0]>>;
async function* logs(query: { [name: string]: string }, signal?: AbortSignal): AsyncGenerator<Told> {
  const input = { params: STACK, query: query as object, ...(signal === undefined ? {} : { signal }) };
  yield* world.client.told(routes.insight.logs, input as never) as AsyncGenerator<Told>;
}
async function all(query: LogQuery): Promise<readonly Told[]> {
  const items: Told[] = [];
  for await (const item of logs(query)) items.push(item);
  return items;
}
const linesOf = (items: readonly Told[]) => items.flatMap((item) => (item.kind === 'line' ? [item] : []));

function env() {
  const token = readAdminToken(world.hub.adminTokenFile);
  return { ...process.env, LDC_HUB: world.hub.url, LDC_TOKEN: token, LDC_CA: join(world.dir, 'ca.pem') };
}
function ldc(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(LDC, [...args], { env: env(), cwd: world.dir, timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err });
    });
  });
}

describe('logs', () => {
  it('come from every cluster, each with where and when, and no secret among them', async () => {
    await until('all have spoken', 60_000, async () => {
      const spoken = linesOf(await all({ function: 'says' })).filter(({ line }) => line.startsWith('line '));
      return world.names.every((name) => spoken.filter(({ cluster }) => cluster === name).length >= 2);
    });
    const items = await all({ function: 'says' });
    const lines = linesOf(items);
    assert.deepEqual([...new Set(lines.map(({ cluster }) => cluster))].sort(), [...world.names].sort());
    assert.ok(
      lines.every(({ at, pod, container }) => Date.parse(at) > 0 && pod.startsWith('says-') && container === 'c'),
    );
    const text = lines.map(({ line }) => line).join('\n');
    assert.match(text, /^begin\nlogin with \*\*\*\ndb_password=\*\*\* ok\nline 1$/m);
    assert.ok(!JSON.stringify(items).includes(SECRET));
    const ends = items.filter(({ kind }) => kind === 'end').map(({ cluster }) => cluster);
    assert.deepEqual(ends.sort(), [...world.names].sort());
    const one = await all({ function: 'says', cluster: 'eu-1', tail: '1' });
    assert.equal(linesOf(one).length, 1);
  });

  it('a pod or container that is not there is said to be not there, with those that are', async () => {
    const notes = async (query: LogQuery) =>
      (await all({ function: 'says', cluster: 'eu-1', ...query })).flatMap((item) =>
        item.kind === 'note' ? [item.message] : [],
      );
    assert.deepEqual(await notes({ container: 'nosuch' }), ['no container here is named nosuch: there is c']);
    const [pod = ''] = await notes({ pod: 'nosuch' });
    assert.match(pod, /^no pod here is named nosuch: there is says-[-a-z0-9]+$/);
  });

  it('follow what comes; leaving ends it at the agent, as often as one likes', async () => {
    for (let round = 0; round < 40; round++) {
      const stop = new AbortController();
      const seen: string[] = [];
      for await (const item of logs({ function: 'says', cluster: 'eu-1', follow: 'true', tail: '1' }, stop.signal)) {
        assert.notEqual(item.kind, 'end', JSON.stringify(item));
        if (item.kind === 'line') seen.push(item.line);
        if (seen.length >= (round === 0 ? 6 : 1)) stop.abort();
      }
      if (round > 0) continue;
      const numbers = seen.map((line) => Number(line.split(' ')[1]));
      assert.deepEqual(
        numbers,
        Array.from({ length: numbers.length }, (_, n) => (numbers[0] ?? 0) + n),
        'none lost, none twice',
      );
    }
  });

  it('a reader that is slow holds up the agent and nobody else, and gets every line in order', async () => {
    let cluster = ''; // known once its container has said something
    await until('all is poured', 120_000, async () => {
      const [said] = linesOf(await all({ function: 'pours', tail: '1' }));
      cluster = said?.cluster ?? '';
      return said?.line === 'poured';
    });
    let last = 0;
    const others: Told[] = [];
    for await (const item of logs({ function: 'pours' })) {
      if (item.kind !== 'line') others.push(item);
      if (item.kind !== 'line' || item.line === 'poured') continue;
      const number = Number(item.line.split(' ')[0]);
      assert.equal(number, last + 1);
      last = number;
      if (number % 20_000 === 0) {
        await clock.sleep(300); // meanwhile the same line serves others
        assert.equal(linesOf(await all({ function: 'says', cluster, tail: '1' })).length, 1);
      }
    }
    assert.equal(last, 60_000, JSON.stringify(others));
  });

  it('go on over the crashes of a container: every run is told, none twice', async () => {
    const source = stackOf({
      name: 'falls',
      functions: {
        falls: {
          objects: [
            secret('login', { password: SECRET }),
            talker('falls', 'echo "run $$$$"; sleep 0.3; exit 1', NEVER_READY),
          ],
        },
      },
      rollout: { deadline: '60s' },
    });
    const id = await world.submit(source);
    const runs: string[] = [];
    const stop = new AbortController();
    const input = { params: { project: 'default', name: 'falls' }, query: { follow: 'true' }, signal: stop.signal };
    await until('it is applied', 20_000, async () => {
      const answer = await world.client.call(routes.insight.logs, { params: input.params }).catch(() => undefined);
      return answer?.items.some(({ kind }) => kind === 'line') === true;
    });
    for await (const item of world.client.told(routes.insight.logs, input as never) as AsyncGenerator<Told>) {
      if (item.kind === 'line') runs.push(item.line);
      if (runs.length === 2) stop.abort();
    }
    assert.equal(new Set(runs).size, 2, runs.join());
    await world.client.call(routes.transactions.abort, { params: { id }, body: { reason: 'seen enough' } });
    assert.equal((await world.finished(id)).state, 'rolledBack');
  });

  it('as one document they have a limit, and cannot be followed', async () => {
    const page = await world.client.call(routes.insight.logs, { params: STACK, query: { function: 'pours' } });
    assert.equal(page.truncated, true, JSON.stringify(page.items.filter(({ kind }) => kind !== 'line')));
    assert.equal(page.items.filter(({ kind }) => kind === 'end').length, 1);
    assert.ok(JSON.stringify(page).length < 2.2 * 1024 * 1024);
    const followed = world.client.call(routes.insight.logs, { params: STACK, query: { follow: true } });
    assert.equal((await problemOf(followed)).kind, 'notAcceptable');
  });

  it('need the role operator, and who read them is in the audit trail; events and reasons need none', async () => {
    const refused = await problemOf(viewer.call(routes.insight.logs, { params: STACK }));
    assert.equal(refused.kind, 'forbidden');
    const { items } = await viewer.call(routes.insight.events, { params: STACK });
    assert.ok(items.some((item) => item.kind === 'event' && item.reason === 'SuccessfulCreate'));
    assert.ok((await viewer.call(routes.insight.reasons, { params: STACK })).items.length >= 3);
    const trail = await world.client.all(routes.journal.audit);
    assert.ok(trail.some(({ data }) => data.operation === 'stacks.logs' && data.status === 200));
  });

  it('an unknown function names those that there are, an unknown cluster where it is', async () => {
    const unknown = await problemOf(
      world.client.call(routes.insight.logs, { params: STACK, query: { function: 'sings' } }),
    );
    assert.equal(unknown.hint, 'it has: says, pours');
    const elsewhere = await problemOf(
      world.client.call(routes.insight.events, { params: STACK, query: { cluster: 'mars-1' } }),
    );
    assert.match(elsewhere.hint ?? '', /it is on .*eu-1/);
  });
});

describe('the CLI', () => {
  it('ldc logs: with a prefix when there is more than one place, without for one; as JSON line by line', async () => {
    const many = await ldc('logs', 'talk/says', '--tail', '2');
    assert.equal(many.code, 0, many.err);
    assert.match(many.out, /^eu-1 says-\S+ c {2}line \d+$/m);
    assert.match(many.out, /^us-1 says-\S+ c {2}line \d+$/m);
    const one = await ldc('logs', 'default/talk/says', '--cluster', 'eu-1', '--tail', '2');
    assert.match(one.out, /^line \d+\nline \d+\n$/);
    const json = await ldc('logs', 'talk/says', '--cluster', 'eu-1', '--since', '1h', '-o', 'json');
    const items = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Told);
    assert.equal(linesOf(items)[0]?.line, 'begin');
    assert.equal(items.at(-1)?.kind, 'end');
    const wrong = await ldc('logs', 'talk/sings');
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /default\/talk has no function sings\n {2}next: it has: says, pours/);
    assert.equal((await ldc('logs', 'talk', '--since', 'tomorrow')).code, 2);
  });

  it('ldc logs -f is left by Ctrl-C', async () => {
    const child = spawn(LDC, ['logs', 'talk/says', '-f', '--tail', '1'], { env: env(), cwd: world.dir });
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    const code = new Promise((resolve) => child.once('exit', resolve));
    await until('lines come', 20_000, () => out.split('\n').length > 5);
    child.kill('SIGINT');
    assert.equal(await code, 130);
  });

  it('ldc events: newest first, of all clusters', async () => {
    const { code, out } = await ldc('events', 'talk');
    assert.equal(code, 0);
    assert.match(out, /^LAST SEEN {2}CLUSTER {2}TYPE/);
    for (const cluster of world.names)
      assert.match(out, new RegExp(`${cluster} .*ReplicaSet/says-\\S+ +Created pod: says-`));
  });

  it('what goes wrong later is in describe, status and get within seconds, and in the events that are watched', async () => {
    const watched: Told[] = [];
    const stop = new AbortController();
    const input = { params: STACK, query: { function: 'says', follow: 'true' }, signal: stop.signal };
    const watching = (async () => {
      for await (const item of world.client.told(routes.insight.events, input as never)) watched.push(item as Told);
    })();
    await until('the watch has begun', 20_000, () => watched.length > 0);
    const pod = linesOf(await all({ function: 'says', cluster: 'eu-1', tail: '1' }))[0]?.pod ?? '';
    const path = '/api/v1/namespaces/talk/resourcequotas';
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none' },
      spec: { hard: { 'count/pods': '0' } },
    };
    const kube = world.kube('eu-1');
    await kube.request({ method: 'POST', path, body: quota });
    await kube.request({ method: 'DELETE', path: `/api/v1/namespaces/talk/pods/${pod}` });
    const reason = async () => {
      const views = await world.client.all(routes.functions.list);
      return views.find((view) => view.function === 'says')?.locations.find(({ cluster }) => cluster === 'eu-1')
        ?.reason;
    };
    await until('the hub knows', 20_000, async () =>
      /^FailedCreate: .*exceeded quota: none/.test((await reason()) ?? ''),
    );
    await until('it was watched', 20_000, () =>
      watched.some((item) => item.kind === 'event' && item.reason === 'FailedCreate'),
    );
    stop.abort();
    await watching;
    const described = await ldc('describe', 'talk/says');
    assert.match(
      described.out,
      /eu-1: inProgress.*\n(.*\n)*? +ReplicaSet\/says-\S+ {2}FailedCreate: .*exceeded quota: none/,
    );
    assert.doesNotMatch(described.out, /pours on/);
    assert.match((await ldc('status', 'talk')).out, /says on eu-1: .*FailedCreate: .*exceeded quota: none/);
    assert.match((await ldc('get', 'functions')).out, /eu-1: FailedCreate: .*exceeded quota/);
    const why = await ldc('logs', 'talk/says', '--cluster', 'eu-1');
    assert.match(why.err, /eu-1: Deployment says has no pods: FailedCreate: .*exceeded quota: none/);
    await kube.request({ method: 'DELETE', path: `${path}/none` });
  });

  it('a refused transaction shows the chain of its cluster', async () => {
    const broken = talker('broken', 'echo db_password=hunter2; echo "as $SECRET"; exit 3', NEVER_READY);
    const source = stackOf({
      name: 'broken',
      functions: { broken: { objects: [secret('login', { password: SECRET }), broken] } },
      rollout: { deadline: '5s' },
    });
    const view = await world.apply(source);
    assert.equal(view.state, 'rolledBack');
    const { out } = await ldc('tx', 'show', view.id);
    assert.match(out, /Pod\/broken-\S+ {2}(CrashLoopBackOff|Error): /);
    assert.match(out, /container c: \w+, exit code 3/);
    assert.match(out, /log of c:\n +\| db_password=\*\*\*\n +\| as \*\*\*\n/);
    assert.ok(!JSON.stringify(view).includes(SECRET), 'neither is it in the journal');
    assert.match(out, /\((eu|us)-1, 2\d{3}-.*Z\)/, 'where and when');
  });

  it('a line that is cut ends the stream with a clear word', async () => {
    const items: Told[] = [];
    const following = (async () => {
      for await (const item of logs({ function: 'says', follow: 'true', tail: '1' })) {
        items.push(item);
        if (item.kind === 'end') return;
      }
    })();
    await until('us-1 speaks', 20_000, () => items.some((item) => item.kind === 'line' && item.cluster === 'us-1'));
    await world.fleet.handlers.fault({ cluster: 'us-1', fault: 'cut' });
    await following;
    const end = items.find((item) => item.kind === 'end');
    assert.equal(end?.cluster, 'us-1');
    assert.equal(end?.kind === 'end' ? end.problem?.kind : '', 'lineCut');
    assert.match(JSON.stringify(await all({ function: 'says', cluster: 'us-1' })), /no agent of us-1 is connected/);
    await world.fleet.handlers.fault({ cluster: 'us-1', fault: 'heal' });
  });
});
