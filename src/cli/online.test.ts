import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FakeHub, transaction } from '../api/fake-hub.test.ts';
import { type FakeMachine, fakeMachine, machineWithHub } from './fake-io.test.ts';

let hub: FakeHub;
let machine: FakeMachine;
beforeEach(async () => {
  ({ hub, machine } = await machineWithHub());
  machine.files.set('/work/stack.yaml', 'kind: Stack\n');
});
afterEach(() => hub.close());

/** Lets the transaction that is begun next go its way. */
function when(outcome: 'committed' | 'rolledBack' | 'stuck'): void {
  const { apply } = hub.stacks;
  hub.stacks.apply = async (source, options) => {
    const result = await apply(source, options);
    if (result.kind === 'submitted') void hub.engine.run(result.transaction, outcome);
    return result;
  };
}
const optionOf = (asked: { readonly options?: unknown } | undefined, name: string) =>
  String((asked?.options as Record<string, unknown> | undefined)?.[name]);
const applied = () => hub.stacks.asked.filter(({ use }) => use === 'apply');

describe('apply', () => {
  it('shows the plan, follows it in lines and exits 0 when committed', async () => {
    when('committed');
    const { code, out, err } = await machine.ldc('apply', '-f', 'stack.yaml', '--yes', '--reason', 'release 7');
    assert.equal(code, 0);
    assert.match(out, /^deploy default\/shop revision 1\n {2}\+ checkout on eu-1, us-1\n/);
    assert.match(out, /deploy of default\/shop revision 1: committed in 1s {2}\(tx-/);
    assert.match(err, /^tx-\w+ (queued|running|committed)$/m);
    assert.equal(optionOf(applied()[0], 'reason'), 'release 7');
  });

  it('exits 3 when rolled back, with the cause and the proof', async () => {
    when('rolledBack');
    const { code, out } = await machine.ldc('apply', '-f', 'stack.yaml', '--yes');
    assert.equal(code, 3);
    assert.match(out, /: rolledBack in 1s/);
    assert.match(
      out,
      /cause: checkout never got ready on us-1\n {2}at: {4}default\/shop\/checkout@us-1\n {2}next: {2}look at its pods/,
    );
    assert.match(out, /undone and read back: equal to the state before\n {4}eu-1 equal, us-1 equal/);
  });

  it('exits 4 when stuck, and 5 when refused', async () => {
    when('stuck');
    const stuck = await machine.ldc('apply', '-f', 'stack.yaml', '--yes');
    assert.equal(stuck.code, 4);
    assert.ok(
      / {2}stuck since \S+: the undo of 1 step\(s\) is refused\n {2}what is left:\n {4}apply:checkout@eu-1 on eu-1: refused\n {6}ConfigMap shop\/settings: it is immutable\n {4}and 2 more\n {2}choose:\n {4}ldc tx retry tx-\w+ +tries it again\n {4}ldc tx skip tx-\w+ --reason TEXT +goes on/.test(stuck.out), // biome-ignore format: one text
      stuck.out,
    );
    const [, id = ''] = /ldc tx retry (tx-\w+)/.exec(stuck.out) ?? [];
    const shown = JSON.parse((await machine.ldc('tx', 'show', id, '-o', 'json')).out) as { stuck?: { more: number } };
    assert.equal(shown.stuck?.more, 2);
    machine.files.set('/work/stack.yaml', 'homeless');
    const refused = await machine.ldc('apply', '-f', 'stack.yaml', '--yes');
    assert.equal(refused.code, 5);
    assert.equal(
      refused.err,
      'error: checkout needs 2 clusters; 1 fits\n  checkout not on us-1: no room: needs 2 CPU, has 1\n  next: ldc cluster join\n',
    );
  });

  it('prints the finished transaction and nothing else for -o json --yes', async () => {
    when('rolledBack');
    const { code, out, err } = await machine.ldc('apply', '-f', 'stack.yaml', '--yes', '-o', 'json');
    assert.equal(code, 3);
    assert.equal(err, '');
    const view = JSON.parse(out) as Record<string, unknown>;
    for (const field of ['id', 'kind', 'stack', 'revision', 'state', 'plan', 'rollback', 'startedAt', 'endedAt'])
      assert.ok(field in view, field);
    assert.equal((view.plan as { steps: unknown[] }).steps.length, 2);
    assert.equal((view.rollback as { verified: { equal: boolean } }).verified.equal, true);
    const named = await machine.ldc('apply', '-f', 'stack.yaml', '--yes', '-o', 'name');
    assert.match(named.out, /^transaction\/tx-\w+\n$/);
    const yaml = await machine.ldc('apply', '-f', 'stack.yaml', '--yes', '-o', 'yaml');
    assert.match(yaml.out, /^state: rolledBack$/m);
  });

  it('changes nothing without --yes and without a terminal: exit 2', async () => {
    const { code, err } = await machine.ldc('apply', '-f', 'stack.yaml');
    assert.equal(code, 2);
    assert.match(err, /no terminal to ask at\n {2}next: look at it, then say --yes/);
    assert.equal(applied().length, 0);
  });

  it('asks at a terminal, and applies the plan that was shown or none', async () => {
    machine.answers = ['n'];
    const no = await machine.ldc('apply', '-f', 'stack.yaml');
    assert.equal(no.code, 2);
    assert.match(no.err, /Apply stack\.yaml\? \[y\/N\] nothing was changed/);
    assert.equal(applied().length, 0);
    when('committed');
    machine.answers = ['y'];
    const yes = await machine.ldc('apply', '-f', 'stack.yaml');
    assert.equal(yes.code, 0);
    assert.match(optionOf(applied()[0], 'expectPlan'), /^sha256:/);
  });

  it('shows problems of the hub with their places: exit 2', async () => {
    machine.files.set('/work/stack.yaml', 'broken');
    const { code, err } = await machine.ldc('apply', '-f', 'stack.yaml', '--yes');
    assert.equal(code, 2);
    assert.match(
      err,
      /^error: the stack definition has a problem\n {2}stack\.yaml:3:5 unknown field "nmae" \(did you mean "name"\?\)\n/,
    );
  });

  it('shows problems in manifests with the way to them from here', async () => {
    machine.files.clear();
    await machine.ldc('init', 'my/shop', '--name', 'shop');
    const manifest = '/work/my/shop/shop/shop.yaml';
    machine.files.set(manifest, `${machine.files.get(manifest)}---\nkind: Service\n`);
    const offline = await machine.ldc('validate', '-f', 'my/shop');
    assert.match(offline.out, /^my\/shop\/shop\/shop\.yaml:\d+:\d+ /m);
    hub.stacks.plan = async () => ({
      kind: 'invalid',
      problems: [{ file: 'shop/shop.yaml', line: 7, column: 1, path: '', message: 'bad' }],
    });
    const online = await machine.ldc('plan', '-f', 'my/shop');
    assert.match(online.err, /^ {2}my\/shop\/shop\/shop\.yaml:7:1 bad$/m);
  });

  it('does nothing when there is nothing to do, and begins without following', async () => {
    machine.files.set('/work/stack.yaml', 'same');
    hub.stacks.put('shop', 1);
    const nothing = await machine.ldc('apply', '-f', 'stack.yaml', '--yes');
    assert.equal(nothing.code, 0);
    assert.match(
      nothing.out,
      /nothing to do: shop is at this revision already\n\n {2}checkout on us-1: Deployment checkout: 0 of 2 pods are ready\n {2}more: ldc describe/,
    );
    machine.files.set('/work/stack.yaml', 'kind: Stack\n');
    const begun = await machine.ldc('apply', '-f', 'stack.yaml', '--yes', '--no-wait');
    assert.match(begun.out, /was begun; follow it: ldc tx watch tx-/);
  });

  it('stops only the following at Ctrl-C, and says how to go on', async () => {
    const running = machine.ldc('apply', '-f', 'stack.yaml', '--yes');
    while (hub.engine.listeners.size < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    machine.interrupt();
    const { code, err } = await running;
    assert.equal(code, 130);
    const [id] = [...hub.engine.views.keys()];
    assert.match(err, new RegExp(`stopped following; transaction ${id} goes on\n {2}next: ldc tx watch ${id}`));
    assert.equal(hub.engine.get(id ?? '')?.state, 'queued');
  });

  it('goes on following over a broken line', async () => {
    const running = machine.ldc('apply', '-f', 'stack.yaml', '--yes');
    while (hub.engine.listeners.size < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    hub.cutAll();
    const [id] = [...hub.engine.views.keys()];
    await hub.engine.run(id ?? '', 'committed');
    assert.equal((await running).code, 0);
  });
});

describe('stacks', () => {
  beforeEach(() => hub.stacks.put('shop', 3));

  it('shows where functions are served', async () => {
    const { code, out } = await machine.ldc('status', 'shop');
    assert.equal(code, 0);
    assert.equal(
      out,
      [
        'STACK         FUNCTION  SERVED       STATE          LOCATIONS',
        'default/shop  checkout  1/2 (max 3)  BELOW MINIMUM  eu-1, us-1 (failed)',
        '',
        '  checkout on us-1: Deployment checkout: 0 of 2 pods are ready',
        '  more: ldc describe default/shop',
        '',
      ].join('\n'),
    );
    hub.stacks.put('new', 0, 'tx-000000000001');
    const begun =
      /^default\/new: nothing is committed yet; what goes on: ldc describe default\/new, ldc tx show tx-000000000001$/m;
    assert.match((await machine.ldc('status', 'new')).out, begun);
    assert.match((await machine.ldc('status')).out, begun);
    const missing = await machine.ldc('status', 'nope');
    assert.equal(missing.code, 1);
    assert.match(missing.err, /there is no stack default\/nope/);
  });

  it('gets lists, one, and names', async () => {
    assert.equal((await machine.ldc('get', '-o', 'name')).out, 'stack/default/shop\n');
    assert.equal(
      (await machine.ldc('get', 'clusters', '-o', 'name')).out,
      'cluster/eu-1\ncluster/eu-2\ncluster/us-1\n',
    );
    const revisions = await machine.ldc('get', 'revisions', 'shop');
    assert.match(revisions.out, /^REVISION {2}STATE .*\n3 {9}committed .*\n2 {9}superseded /);
    assert.equal((await machine.ldc('get', 'revisions')).code, 2);
    const one = JSON.parse((await machine.ldc('get', 'stack', 'shop', '-o', 'json')).out) as { revision: number };
    assert.equal(one.revision, 3);
  });

  it('describes what the last transaction left out, and nothing of one that committed everywhere', async () => {
    const last = { ...transaction('deploy', 'user:ann'), state: 'committed' as const };
    hub.engine.views.set(last.id, last);
    assert.doesNotMatch((await machine.ldc('describe', 'shop')).out, /last transaction/);
    const explanation = 'us-1 was lost on the way; instead: checkout@us-2';
    const leftOut = [{ clusters: ['us-1'], explanation, at: '2026-01-01T00:00:00.000Z' }];
    hub.engine.views.set(last.id, { ...last, leftOut });
    const { out } = await machine.ldc('describe', 'shop');
    assert.match(
      out,
      /last transaction:\n {2}deploy of default\/shop revision 1: committed without us-1 .*\n {4}left out: us-1 was lost/,
    );
    const shown = JSON.parse((await machine.ldc('tx', 'show', last.id, '-o', 'json')).out) as { leftOut: unknown };
    assert.deepEqual(shown.leftOut, leftOut);
  });

  it('describes with the reason that a person would dig for', async () => {
    const { out } = await machine.ldc('describe', 'shop');
    assert.match(
      out,
      /us-1: failed, revision 1, 2 replicas {2}Deployment checkout: 0 of 2 pods are ready\n {6}Pod\/checkout-1 {2}ImagePullBackOff: no such image\n {8}Warning Failed \(x3\): pulling ldc\.dev\/nope failed\n/,
    );
    assert.match(out, /placement:\n {2}\+ checkout on eu-1: best score \(score 3\)\n {2}- checkout on us-2: cordoned/);
    assert.match((await machine.ldc('describe', 'cluster/eu-2')).out, /^health {6}ready since/m);
  });

  it('diffs field by field and exits 1', async () => {
    const { code, out } = await machine.ldc('diff', '-f', 'stack.yaml');
    assert.equal(code, 1);
    assert.equal(out, '~ default/shop/checkout@eu-1  Deployment/checkout in shop  update\n    .spec.replicas: 1 → 2\n');
  });

  it('plans as text, data and Mermaid', async () => {
    assert.match((await machine.ldc('plan', '-f', 'stack.yaml')).out, /^deploy default\/shop/);
    assert.equal((await machine.ldc('plan', '-f', 'stack.yaml', '-o', 'mermaid')).out, 'flowchart LR\n');
    const plan = JSON.parse((await machine.ldc('plan', '-f', 'stack.yaml', '-o', 'json')).out) as { kind: string };
    assert.equal(plan.kind, 'deploy');
  });

  it('rolls back to a revision and retires', async () => {
    const rolled = await machine.ldc('rollback', 'shop', '--to', '2', '--yes', '--no-wait', '-o', 'name');
    assert.match(rolled.out, /^transaction\/tx-/);
    assert.equal(optionOf(hub.stacks.asked.at(-1), 'to'), '2');
    assert.equal((await machine.ldc('rollback', 'shop', '--to', 'two', '--yes')).code, 2);
    assert.equal((await machine.ldc('retire', 'default/shop', '--yes', '--no-wait')).code, 0);
    assert.equal((await machine.ldc('retire', 'Bad Name', '--yes')).code, 2);
  });

  it('asks what if', async () => {
    const { code, out } = await machine.ldc('whatif', '--lose', 'region=eu');
    assert.equal(code, 0);
    assert.match(out, /^lose region=eu: 2 clusters \(eu-1, eu-2\)\n/);
    assert.match(out, /checkout {2}1\/2 {7}us-2\nevery function survives\n$/);
    assert.equal((await machine.ldc('whatif', '--lose', 'eu')).code, 2);
  });
});

describe('tx', () => {
  it('lists, shows and operates', async () => {
    await machine.ldc('apply', '-f', 'stack.yaml', '--yes', '--no-wait');
    const [id] = [...hub.engine.views.keys()] as [string];
    const list = JSON.parse((await machine.ldc('tx', 'list', '-o', 'json')).out) as {
      items: { id: string }[];
      next: null;
    };
    assert.deepEqual([list.items[0]?.id, list.next], [id, null]);
    assert.match((await machine.ldc('tx', 'list')).out, /^ID {2,}KIND {4}STACK/);
    const paused = await machine.ldc('tx', 'pause', id, '--yes', '--reason', 'lunch');
    assert.equal(paused.out, `pause: ${id} is paused\nfollow it: ldc tx watch ${id}\n`);
    await hub.engine.run(id, 'rolledBack');
    assert.match((await machine.ldc('tx', 'show', id)).out, /steps:\n {2}WAVE {2}STEP/);
    assert.equal((await machine.ldc('tx', 'watch', id)).code, 3);
    const late = await machine.ldc('tx', 'abort', id, '--yes');
    assert.equal(late.code, 5);
    assert.equal(late.err, 'error: it is rolledBack and sealed\n  next: nothing more can be done\n');
    for (const verb of ['approve', 'pause', 'resume', 'retry', 'skip', 'force-close']) {
      assert.equal((await machine.ldc('tx', verb, id, '--yes', '--reason', 'late')).code, 5, verb);
    }
    assert.equal((await machine.ldc('tx', 'show', 'tx-000000000000')).code, 1);
    assert.equal((await machine.ldc('tx', 'abort', id)).code, 2);
  });
});

describe('cluster and sim', () => {
  it('lists, cordons, drains and removes', async () => {
    assert.match((await machine.ldc('cluster', 'list')).out, /^CLUSTER {2}HEALTH {2}INTENT.*\neu-1 {5}ready {3}open/);
    assert.equal((await machine.ldc('cluster', 'cordon', 'us-1', '--yes')).out, 'us-1 is cordoned\n');
    const shown = (await machine.ldc('cluster', 'show', 'us-1')).out;
    assert.match(shown, /^kept {8}PersistentVolumeClaim shop\/data-cart-0 of cart@us-1: it holds data/m);
    const drained = await machine.ldc('cluster', 'drain', 'us-1', '--yes');
    assert.equal(drained.out, 'us-1 is draining; 0 locations have to move\nus-1 is empty\n');
    const away = await machine.ldc('cluster', 'remove', 'us-1', '--yes');
    assert.equal(away.code, 5);
    assert.match(away.err, /no agent of us-1 is connected[\s\S]*next: start its agent, or force it/);
    const mute = await machine.ldc('cluster', 'remove', 'us-1', '--yes', '--forget-owed');
    assert.equal(mute.code, 2);
    assert.match(mute.err, /--forget-owed needs a reason/);
    const stack = { project: 'default', name: 'shop' };
    hub.stacks.due.push({ stack, location: 'default/shop/cart@us-1', kind: 'undo', transaction: 'tx-7', since: '2026-01-01T00:00:00.000Z' }); // biome-ignore format: one line
    const owing = await machine.ldc('cluster', 'remove', 'us-1', '--yes', '--force', '--reason', 'burnt down');
    assert.equal(owing.code, 5);
    assert.match(owing.err, /work is owed on cluster us-1[\s\S]*next: .*--forget-owed/);
    const burnt = await machine.ldc('cluster', 'remove', 'us-1', '--yes', '--force', '--forget-owed', '--reason', 'burnt down'); // biome-ignore format: one line
    assert.match(burnt.out, /^us-1 was removed\nwhat is still there, and what takes it away:\n/);
    assert.match(burnt.out, /\n {4}kubectl delete namespace ldc-system\n/);
    const hasty = await machine.ldc('cluster', 'remove', 'eu-1', '--yes', '--force');
    assert.equal(hasty.code, 2);
    assert.match(hasty.err, /--force needs a reason/);
    const forced = await machine.ldc('cluster', 'remove', 'eu-1', '--yes', '--orphan', '--reason', 'sold');
    assert.match(forced.out, /^eu-1 was removed; 3 objects there run on without ldc\n/);
    assert.equal((await machine.ldc('cluster', 'show', 'eu-1')).code, 1);
  });

  it('renames, and prints what it is then', async () => {
    const renamed = await machine.ldc('cluster', 'rename', 'eu-2', 'eu-two', '--yes', '--reason', 'new scheme');
    assert.match(renamed.out, /^eu-2 is eu-two now\n/);
    const back = await machine.ldc('cluster', 'rename', 'eu-two', 'eu-2', '--yes', '-o', 'json');
    assert.equal(JSON.parse(back.out).name, 'eu-2');
    const absent = await machine.ldc('cluster', 'rename', 'eu-two', 'eu-3', '--yes');
    assert.equal(absent.code, 1);
    const unnamed = await machine.ldc('cluster', 'rename', 'eu-2', 'EU_2', '--yes');
    assert.equal(unnamed.code, 2);
    assert.equal((await machine.ldc('cluster', 'rename', 'eu-2', 'eu-two')).code, 2, 'it asks');
  });

  it('joins by a kubeconfig, and prints the command for others', async () => {
    assert.equal((await machine.ldc('cluster', 'join', 'eu-3', '--kubeconfig', 'nope', '--yes')).code, 2);
    assert.equal(hub.registry.tokens().length, 0, 'no token was made for nothing');
    machine.files.set('/work/kube', 'apiVersion: v1');
    const joined = await machine.ldc('cluster', 'join', 'eu-3', '--kubeconfig', 'kube', '-l', 'region=eu', '--yes');
    assert.equal(joined.out, 'cluster eu-3 has joined\n');
    assert.deepEqual(machine.launched, [
      {
        name: 'joinCluster',
        options: {
          name: 'eu-3',
          joined: hub.registry.clusters().map(({ name }) => ({ name, uid: null })),
          kubeconfig: '/work/kube',
          joinToken: 'secret-join-text-1',
          hub: 'https://hub.test:7421',
          labels: { region: 'eu' },
          rights: { namespaces: [], kinds: [], serviceAccounts: [], ownRights: true },
        },
      },
    ]);
    await machine.ldc('cluster', 'join', 'eu-4', '--kubeconfig', 'kube', '--as-kubeconfig', '--yes');
    assert.match(JSON.stringify(machine.launched[1]), /"rights":null/);
    const wrong = await machine.ldc('cluster', 'join', 'eu-5', '--kubeconfig', 'kube', '--kinds', '*', '--yes');
    assert.equal(wrong.code, 2);
    const token = await machine.ldc('cluster', 'token', '--uses', '3', '--ttl', '1h', '--yes');
    assert.match(token.out, /ldc agent --name NAME --hub https:\/\/hub\.test:7421 --join secret-join-text-3\n/);
    assert.equal(hub.registry.tokens()[2]?.usesLeft, 3);
    assert.equal((await machine.ldc('cluster', 'token', '--ttl', '25h', '--yes')).code, 2);
  });

  it('says why something does not leave a cluster that is drained, once', async () => {
    let rounds = 0;
    const stack = { project: 'default', name: 'shop' };
    const left = { stack, location: 'default/shop/checkout@us-1', wanted: true, owed: false };
    Object.assign(hub.stacks, { onCluster: () => (++rounds > 3 ? [] : [left]) });
    const { availability } = hub.services;
    const refused = { stack, failures: 1, remainingMs: 30_000 };
    const cooldowns = [{ ...refused, message: 'checkout needs 1 more location' }];
    const now = availability.status();
    Object.assign(availability, { status: () => ({ ...now, cooldowns }) });
    const { code, err } = await machine.ldc('cluster', 'drain', 'us-1', '--yes');
    assert.equal(code, 0);
    assert.equal(err.split('default/shop does not move: checkout needs 1 more location').length, 2);
  });

  it('says that a real hub has no faults to offer', async () => {
    assert.equal((await machine.ldc('sim', 'cut', 'eu-1')).code, 1);
    assert.equal((await machine.ldc('sim', 'slow', 'eu-1', '--latency', 'x')).code, 2);
  });
});

describe('finding the hub', () => {
  const config = (contexts: Record<string, object>, current: string) => JSON.stringify({ current, contexts });

  it('takes flags, then the environment, then the context file', async () => {
    const other = fakeMachine({ LDC_CONFIG: '/c.yaml' });
    assert.equal((await other.ldc('status')).code, 2);
    other.files.set(
      '/c.yaml',
      config({ dev: { hub: hub.url, token: hub.admin }, old: { hub: 'http://127.0.0.1:9', token: 'x' } }, 'dev'),
    );
    assert.equal((await other.ldc('status')).code, 0);
    assert.equal((await other.ldc('status', '--context', 'old')).code, 1);
    assert.equal((await other.ldc('status', '--context', 'none')).code, 2);
    assert.equal((await other.ldc('status', '--token', 'wrong')).code, 1);
    const list = await other.ldc('context', 'list');
    assert.match(list.out, /\* {2}dev /);
    assert.ok(!list.out.includes(hub.admin));
    assert.equal((await other.ldc('context', 'use', 'old')).code, 0);
    assert.equal(other.modes.get('/c.yaml'), 0o600);
    assert.equal((await other.ldc('status')).code, 1);
    other.env.LDC_HUB = hub.url;
    other.env.LDC_TOKEN = hub.admin;
    assert.equal((await other.ldc('status')).code, 0);
  });

  it('sends the token of a context to no other hub, and none in clear over the network', async () => {
    const other = fakeMachine({ LDC_CONFIG: '/c.yaml' });
    other.files.set('/c.yaml', config({ dev: { hub: 'https://real', token: 'precious' } }, 'dev'));
    const elsewhere = await other.ldc('status', '--hub', hub.url);
    assert.equal(elsewhere.code, 2);
    assert.match(elsewhere.err, /there is no token for/);
    assert.match((await other.ldc('status', '--hub', 'http://hub.example', '--token', 't')).err, /in clear/);
    assert.equal((await other.ldc('status', '--hub', 'nonsense', '--token', 't')).code, 2);
  });

  it('says what to do when nothing listens, or the file is no YAML', async () => {
    const other = fakeMachine({ LDC_HUB: 'http://127.0.0.1:1', LDC_TOKEN: 't', LDC_CONFIG: '/c.yaml' });
    assert.match((await other.ldc('status')).err, /^error: .*127\.0\.0\.1:1.*\n {2}next: /);
    other.files.set('/c.yaml', '{{{');
    assert.match((await other.ldc('context', 'list')).err, /context file cannot be used.*\n {2}at: {3}\/c\.yaml/);
  });
});
