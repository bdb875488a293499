/** `ldc dev` as a user meets it: the launcher, its files, its signals, and what is left after each of them. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePortPair } from '../src/base/free-ports.ts';
import { systemClock as clock, isObject } from '../src/base/index.ts';
import { processStart } from '../src/base/process-record.ts';

const root = dirname(import.meta.dirname);
const launcher = join(root, 'bin', 'ldc');
const hello = join(root, 'examples', 'hello');
const STOP_MS_MAX = 10_000;

interface DevFile {
  readonly hub: string;
  readonly token: string;
  readonly ca: string;
  readonly clusters: readonly {
    readonly name: string;
    readonly labels: { readonly [key: string]: string };
    readonly kubeconfig: string;
  }[];
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A process of the installation, told from a later one with the same pid. */
interface Running {
  readonly pid: number;
  readonly startedAt: string;
}

const home = mkdtempSync(join(tmpdir(), 'ldc-dev-test-'));
chmodSync(home, 0o711); // containers run as nobody: their data stays in here only if that account can reach it
const state = join(home, 'state');
const config = join(home, 'config.yaml');
const devFile = join(state, 'dev.json');
const port = await freePortPair();
let dev: ChildProcess;

before(async () => {
  dev = await startDev();
});

after(async () => {
  await end(dev);
  rmSync(home, { recursive: true, force: true });
});

test('dev.json is written last, private, and says all that a program needs', async () => {
  assert.equal(statSync(devFile).mode & 0o777, 0o600);
  const file = readDevFile();
  assert.deepEqual(Object.keys(file), ['hub', 'token', 'ca', 'clusters']);
  assert.equal(file.hub, `https://127.0.0.1:${port}`);
  assert.match(readFileSync(file.ca, 'utf8'), /^-----BEGIN CERTIFICATE-----/);
  assert.deepEqual(
    file.clusters.map(({ name, labels }) => ({ name, ...labels })),
    [
      { name: 'eu-1', region: 'eu', zone: 'eu-a', provider: 'north', env: 'prod' },
      { name: 'us-1', region: 'us', zone: 'us-a', provider: 'north', env: 'prod' },
    ],
  );
  for (const { kubeconfig } of file.clusters) assert.equal(statSync(kubeconfig).mode & 0o077, 0);
  const list = await ldc(['cluster', 'list', '-o', 'json']);
  assert.deepEqual(
    itemsOf(list.out).map((cluster) => [cluster.name, cluster.health]),
    [
      ['eu-1', 'ready'],
      ['us-1', 'ready'],
    ],
  );
});

test('the CLI finds it by the context `dev` alone', async () => {
  const environment = { LDC_CONFIG: config, LDC_HUB: '', LDC_TOKEN: '', LDC_CA: '' };
  assert.equal((await ldc(['context', 'list'], environment)).out.includes('dev'), true);
  assert.deepEqual(names(await ldc(['get', 'clusters', '-o', 'name'], environment)), ['cluster/eu-1', 'cluster/us-1']);
});

test('a second one on the same state is refused, a port in use is named', async () => {
  const second = await ended(spawnDev(state, await freePortPair()));
  assert.equal(second.code, 5);
  assert.match(second.err, new RegExp(`${state} is in use by process ${dev.pid}`));
  const elsewhere = join(home, 'elsewhere');
  const onPort = await ended(spawnDev(elsewhere, port));
  assert.equal(onPort.code, 1);
  assert.match(onPort.err, /^error: port \d+ of 127\.0\.0\.1.* is in use\n {2}next: /);
  assert.equal(existsSync(join(elsewhere, 'dev.json')), false);
  assert.deepEqual(readdirSync(join(elsewhere, 'pids')), [], 'nothing of it is left running');
  const onFile = await ended(spawnDev(config, await freePortPair()));
  assert.equal(onFile.code, 1);
  assert.match(onFile.err, /^error: the state folder .* cannot be written: .*\n {2}next: .*--state/);
  assert.equal((await ldc(['cluster', 'list'])).code, 0, 'the first is unharmed');
});

test('Ctrl-C while it starts is no fault: it says so, exits 0, and leaves no part behind', async () => {
  // a terminal sends it to all of the group, a program to the one that it started
  for (const [name, whom] of [
    ['by-terminal', -1],
    ['by-program', 1],
  ] as const) {
    const early = join(home, name);
    const starting = spawnDev(early, await freePortPair(), true);
    const stopped = ended(starting);
    const pids = join(early, 'pids');
    while (!existsSync(pids) || readdirSync(pids).length < 2) await clock.sleep(10);
    process.kill(whom * (starting.pid as number), 'SIGINT');
    const { code, err } = await stopped;
    assert.equal(code, 0, err);
    assert.match(err, /^stopped before it was ready; the state stays\n$/, name);
    assert.deepEqual(readdirSync(pids), []);
  }
});

test('a Ctrl-C at a terminal reaches the one that holds the parts, which ends them: no part is of its group', () => {
  for (const part of ['hub', 'fleet']) {
    const pid = recordedPid(part);
    assert.equal(groupOf(pid), pid, part);
  }
});

test('Ctrl-C while following stops the following only', async () => {
  const following = spawn(launcher, ['apply', '-f', hello, '--yes'], { env: env() });
  const followed = ended(following);
  following.stderr.once('data', () => following.kill('SIGINT')); // its first word is the transaction and its state
  const { code, err } = await followed;
  assert.equal(code, 130, err);
  assert.match(err, /stopped following; transaction tx-\S+ goes on\n {2}next: ldc tx watch tx-/);
  const id = /tx-[0-9a-z]+/.exec(err)?.[0] ?? '';
  assert.equal((await ldc(['tx', 'watch', id])).code, 0, 'it committed');
  assert.equal(await functionsServed(), 2);
});

test('a stack whose pods crash is undone, and says why as a person would have dug for it', async () => {
  const container = "image: 'ldc.dev/crash:1', env: [ { name: MESSAGE, value: no database in sight } ]";
  const stack = writeStack('crashing', '{ deadline: 6s }', '', container);
  const { code, out } = await ldc(['apply', '-f', stack, '--yes', '-o', 'json']);
  assert.equal(code, 3);
  const { cause, rollback } = JSON.parse(out);
  assert.match(cause.message, /^gate:web@.* is not ready: .*CrashLoopBackOff/);
  assert.match(JSON.stringify(cause.details), /no database in sight/);
  assert.equal(rollback.verified.equal, true);
  const described = (await ldc(['describe', 'stack', 'crashing'])).out;
  for (const link of ['Deployment/web', 'ReplicaSet/web-', 'Pod/web-', 'CrashLoopBackOff', 'no database in sight'])
    assert.ok(described.includes(link), `${link} is in\n${described}`);
});

test('pods that crash after a first good moment do not get past the soak', async () => {
  const stack = writeStack('fragile', '{ soak: 2s, deadline: 15s }', 'sim.ldc.dev/outcome: crash', 'image: any:1');
  const { code, out } = await ldc(['apply', '-f', stack, '--yes', '-o', 'json']);
  assert.equal(code, 3);
  // a machine so busy that the good moment is never seen stops it one step earlier
  assert.match(JSON.parse(out).cause.message, /^(soaked|gate):web@.* is not ready: .*CrashLoopBackOff/);
});

test('a drain waits as long as it takes, and Ctrl-C ends the waiting only', async () => {
  const child = spawn(launcher, ['cluster', 'drain', 'eu-1', '--yes'], { env: env() });
  const drained = ended(child);
  await new Promise<void>((resolve) => child.stderr.once('data', () => resolve())); // what is left: two regions are wanted, there are two
  await clock.sleep(1_500);
  assert.equal(child.exitCode, null, 'it still waits');
  child.kill('SIGINT');
  const { code, err } = await drained;
  assert.equal(code, 130);
  assert.match(err, /1 left: default\/hello\/web@eu-1[\s\S]*eu-1 goes on draining\n {2}next: /);
  assert.equal((await ldc(['cluster', 'uncordon', 'eu-1', '--yes'])).code, 0);
});

test('faults go through the hub, also while every cluster is cut', async () => {
  for (const { name } of readDevFile().clusters) assert.equal((await ldc(['sim', 'cut', name])).code, 0);
  for (const { name } of readDevFile().clusters) assert.equal((await ldc(['sim', 'heal', name])).code, 0);
  assert.equal((await ldc(['sim', 'cut', 'nowhere'])).code, 1);
});

test('a hub that was killed comes back by itself', async () => {
  const hub = recordedPid('hub');
  process.kill(hub, 'SIGKILL');
  await until('a new hub', async () => (await ldc(['get', 'stacks'])).code === 0 && recordedPid('hub') !== hub);
});

test('kill -9, and the same command at once: all of the old is gone, all of the state is there', async () => {
  const old = tree(dev.pid ?? 0);
  const containers = old.filter(({ pid }) => commandOf(pid).includes('programs/http'));
  assert.ok(containers.length >= 2, 'the pods are processes');
  const pods = await objectIds();
  const transactions = names(await ldc(['tx', 'list', '-o', 'name']));
  assert.equal((await ldc(['tx', 'show', transactions[0] ?? ''])).code, 0, 'what -o name prints can be asked for');
  assert.match((await ldc(['tx', 'show', 'hello'])).err, /^error: hello is no id of a transaction\n {2}next: /);
  dev.kill('SIGKILL');
  dev = await startDev(); // its fresh dev.json proves that the hub of now answers on the same port
  assert.deepEqual(
    old.filter(({ pid, startedAt }) => processStart(pid) === startedAt),
    [],
    'nothing of the killed installation goes on',
  );
  assert.deepEqual(await objectIds(), pods, 'the clusters have the same objects');
  assert.deepEqual(names(await ldc(['tx', 'list', '-o', 'name'])), transactions);
  await until('both locations serve again', async () => (await functionsServed()) === 2);
});

test('SIGTERM stops it cleanly in time, and it goes on from its state, one cluster by another name', async () => {
  const renamed = await ldc(['cluster', 'rename', 'eu-1', 'eu-one', '--yes']);
  assert.equal(renamed.code, 0, renamed.err);
  const pods = await objectIds();
  const all = tree(dev.pid ?? 0);
  const startedMs = clock.monotonic();
  const stopped = new Promise<number | null>((resolve) => dev.once('exit', (code) => resolve(code)));
  dev.kill('SIGTERM');
  assert.equal(await stopped, 0);
  assert.ok(clock.monotonic() - startedMs < STOP_MS_MAX);
  assert.deepEqual(
    all.filter(({ pid, startedAt }) => processStart(pid) === startedAt),
    [],
  );
  assert.equal(existsSync(devFile), false, 'a stopped installation is not announced');
  const nobody = await ldc(['status'], { LDC_HUB: '', LDC_TOKEN: '', LDC_CA: '' });
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /nothing listens at .*\n {2}next: .*ldc dev/);
  dev = await startDev();
  assert.deepEqual(await objectIds(), pods);
  await until('both locations serve again', async () => (await functionsServed()) === 2);
  const { out } = await ldc(['cluster', 'list', '-o', 'name']);
  assert.deepEqual(out.trim().split('\n').sort(), ['cluster/eu-one', 'cluster/us-1']);
});

/** A folder with a stack of one function with one Deployment; answers its path. */
function writeStack(name: string, rollout: string, annotation: string, container: string): string {
  const folder = join(home, name);
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'stack.yaml'),
    `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${name}
  functions: [ { name: web, manifests: [ web.yaml ] } ]
  rollout: ${rollout}
`,
  );
  writeFileSync(
    join(folder, 'web.yaml'),
    `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web }, annotations: { ${annotation} } }
    spec: { containers: [ { name: web, ${container} } ] }
`,
  );
  return folder;
}

/** Starts it on the one state and port; resolves when it says that it is ready. */
async function startDev(): Promise<ChildProcess> {
  const child = spawnDev(state, port);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      said += chunk;
      if (/^ready/m.test(said)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`ldc dev ended with ${code}: ${said}`)));
  });
  return child;
}

function spawnDev(stateDir: string, onPort: number, detached = false): ChildProcess {
  const args = ['dev', '--clusters', '2', '--state', stateDir, '--port', String(onPort)];
  const environment = { ...process.env, LDC_CONFIG: config };
  return spawn(launcher, args, { env: environment, detached, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Only the hub's address, token and CA, as a program has them. */
function env(extra: { readonly [key: string]: string } = {}): NodeJS.ProcessEnv {
  const plain = { ...process.env, LDC_CONFIG: join(home, 'none.yaml') };
  if (!existsSync(devFile)) return { ...plain, LDC_CONFIG: config, ...extra };
  const { hub, token, ca } = readDevFile();
  return { ...plain, LDC_HUB: hub, LDC_TOKEN: token, LDC_CA: ca, ...extra };
}

function ldc(args: readonly string[], extra: { readonly [key: string]: string } = {}): Promise<Ended> {
  return ended(spawn(launcher, args, { env: env(extra), stdio: ['ignore', 'pipe', 'pipe'] }));
}

function ended(child: ChildProcess): Promise<Ended> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await gone;
}

function readDevFile(): DevFile {
  return JSON.parse(readFileSync(devFile, 'utf8')) as DevFile;
}

function recordedPid(part: string): number {
  try {
    return Number((JSON.parse(readFileSync(join(state, 'pids', `${part}.json`), 'utf8')) as Running).pid);
  } catch {
    return 0; // between two of them
  }
}

function itemsOf(text: string): readonly { readonly [key: string]: unknown }[] {
  const value: unknown = JSON.parse(text);
  return isObject(value) && Array.isArray(value.items) ? value.items : [];
}

function names({ out }: Ended): readonly string[] {
  return out.split('\n').filter(Boolean);
}

/** How many locations of the one function are well. */
async function functionsServed(): Promise<number> {
  return Number(itemsOf((await ldc(['get', 'functions', '-o', 'json'])).out)[0]?.healthy ?? 0);
}

/** `cluster kind name uid` of what the stack has on each cluster, pods included, asked of the clusters by kubectl's own way in. */
async function objectIds(): Promise<readonly string[]> {
  const { connect } = await import('../src/kubernetes/index.ts');
  const ids: string[] = [];
  for (const { name, kubeconfig } of readDevFile().clusters) {
    const client = await connect({ kind: 'kubeconfig', text: readFileSync(kubeconfig, 'utf8') }, clock);
    for (const path of ['/api/v1/namespaces/hello/pods', '/apis/apps/v1/namespaces/hello/deployments']) {
      const answer = await client.request({ method: 'GET', path });
      const items = answer.kind === 'answered' && isObject(answer.body) ? answer.body.items : [];
      for (const item of Array.isArray(items) ? items : [])
        ids.push(`${name} ${item.metadata.name} ${item.metadata.uid}`);
    }
    await client.close();
  }
  assert.equal(ids.length, 4);
  return ids.sort();
}

/** A process and all below it. */
function tree(pid: number): readonly Running[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = parentOf(Number(entry));
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found: Running[] = [];
  for (const open = [pid]; open.length > 0; ) {
    const next = open.pop() as number;
    const startedAt = processStart(next);
    if (startedAt !== undefined) found.push({ pid: next, startedAt });
    open.push(...(children.get(next) ?? []));
  }
  return found;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0; // it ended while we looked
  }
}

function groupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

async function until(what: string, check: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const endMs = clock.monotonic() + timeoutMs;
  while (!(await check())) {
    assert.ok(clock.monotonic() < endMs, `${what}: not within ${timeoutMs / 1000} s`);
    await clock.sleep(100);
  }
}
