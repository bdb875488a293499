import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutSecret, digestOf, findCycle, type KubeObject } from '../base/index.ts';
import { currentLocations, makeRetirePlan, type Plan, planMermaid, planText, type Step } from './index.ts';
import { clusters, deploy, deployment, stack, tryDeploy } from './samples.ts';

const FOUR = clusters('eu-1', 'eu-2', 'us-1', 'us-2');
const WEB = '    - { name: web, manifests: [ web.yaml ], availability: { locations: { max: all } } }\n';
const web = (image?: string) => stack(WEB, { 'web.yaml': deployment('web', image) });
const step = (plan: Plan, id: string) => plan.steps.find((one) => one.id === id) as Step;
const ids = (plan: Plan, action: string) => plan.steps.filter((one) => one.work.action === action).map((one) => one.id);

test('the steps of a first deploy: prepare everything, then waves, then read back', () => {
  const { plan } = deploy(web(), clusters('eu-1', 'us-1'));
  assert.deepEqual(
    plan.steps.map((one) => [one.phase, one.id, one.after]),
    [
      ['preparing', 'snapshot:web@eu-1', []],
      ['preparing', 'snapshot:web@us-1', []],
      ['preparing', 'ensure:eu-1', ['snapshot:web@eu-1']],
      ['preparing', 'ensure:us-1', ['snapshot:web@us-1']],
      ['preparing', 'dryRun:web@eu-1', ['ensure:eu-1']],
      ['preparing', 'dryRun:web@us-1', ['ensure:us-1']],
      ['preparing', 'reserve:web@eu-1', ['dryRun:web@eu-1']],
      ['preparing', 'reserve:web@us-1', ['dryRun:web@us-1']],
      ['running', 'apply:web@eu-1', []],
      ['running', 'gate:web@eu-1', ['apply:web@eu-1']],
      ['running', 'soak:0', ['gate:web@eu-1']],
      ['running', 'apply:web@us-1', ['soak:0']],
      ['running', 'gate:web@us-1', ['apply:web@us-1']],
      ['running', 'soak:1', ['gate:web@us-1']],
      ['verifying', 'readBack:web@eu-1', []],
      ['verifying', 'readBack:web@us-1', []],
    ],
  );
  const reserve = step(plan, 'reserve:web@eu-1').work;
  assert.deepEqual(reserve, {
    action: 'reserve',
    location: { stack: { project: 'default', name: 'shop' }, kind: 'function', name: 'web', cluster: 'eu-1' },
    cpuMilli: 200,
    memoryBytes: 128 * 2 ** 20,
    pods: 2,
  });
  const ensure = step(plan, 'ensure:eu-1').work;
  assert.ok(ensure.action === 'ensure');
  assert.deepEqual(ensure.objects, [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', labels: { 'ldc.dev/project': 'default', 'ldc.dev/stack': 'shop' } },
    },
  ]);
  assert.deepEqual(plan.locks, ['default/shop/web@eu-1', 'default/shop/web@us-1']);
  const { digest, ...body } = plan;
  assert.equal(digest, digestOf(body));
  assert.deepEqual(deploy(web(), clusters('us-1', 'eu-1')).plan.digest, digest, 'the same wish, the same digest');
});

test('what does not change is not touched and keeps its revision', () => {
  const first = deploy(web(), FOUR);
  const same = deploy(web(), FOUR, first.committed);
  assert.deepEqual(same.plan.steps, []);
  assert.deepEqual(same.plan.locations, first.plan.locations);
  const more = deploy(web(), [...FOUR, ...clusters('ap-1')], first.committed);
  assert.deepEqual(ids(more.plan, 'apply'), ['apply:web@ap-1']);
  assert.deepEqual(
    more.plan.locations.map((one) => one.revision),
    [2, 1, 1, 1, 1],
  );
});

test('a change names its fields, grows only by what is new, and changes one serving location at a time', () => {
  const first = deploy(web(), FOUR);
  const second = deploy(stack(WEB, { 'web.yaml': deployment('web', 'i:2', 3) }), FOUR, first.committed);
  const [change] = second.plan.changes;
  assert.equal(change?.change, 'update');
  assert.deepEqual(change?.objects[0]?.fields, ['.spec.replicas', '.spec.template.spec.containers[0].image']);
  const reserve = step(second.plan, 'reserve:web@eu-1').work;
  assert.ok(reserve.action === 'reserve');
  assert.equal(reserve.cpuMilli, 100);
  assert.deepEqual(ids(second.plan, 'apply'), ['apply:web@eu-1', 'apply:web@us-1', 'apply:web@eu-2', 'apply:web@us-2']);
  assert.deepEqual(
    step(second.plan, 'apply:web@us-2').after,
    ['soak:0', 'gate:web@eu-2'],
    'waves 1, 25% (none left), 100%',
  );
  assert.deepEqual(step(second.plan, 'apply:web@eu-2').after, ['soak:0', 'gate:web@us-1']);
});

test('after a soak every gate of the wave is looked at once more, and the next wave waits for all of them', () => {
  const soaking = stack(`${WEB}  rollout: { waves: [ 50%, 100% ], soak: 20s }\n`, { 'web.yaml': deployment('web') });
  const { plan } = deploy(soaking, FOUR);
  assert.deepEqual(step(plan, 'soak:0').work, { action: 'soak', durationMs: 20_000 });
  const look = step(plan, 'soaked:web@eu-1');
  assert.deepEqual(look.after, ['soak:0']);
  assert.ok(look.work.action === 'gate' && look.work.deadlineMs < 10_000, 'it is to be green, not to become it');
  assert.deepEqual(step(plan, 'passed:0').after, ['soaked:web@eu-1', 'soaked:web@us-1']);
  assert.deepEqual(step(plan, 'apply:web@eu-2').after, ['passed:0']);
});

test('a gate watches containers without a probe for a moment, and the plan says so', () => {
  const gateOf = (more: string, manifest: string) => {
    const { plan } = deploy(stack(`${WEB}${more}`, { 'web.yaml': manifest }), clusters('eu-1'));
    const { work } = step(plan, 'gate:web@eu-1');
    return { minReadyMs: work.action === 'gate' ? work.minReadyMs : null, text: planText(plan) };
  };
  const plain = gateOf('', deployment('web'));
  assert.equal(plain.minReadyMs, 2_000);
  assert.match(plain.text, /Without a probe:\n {2}web +ready when it has run for 2s without ending/);
  assert.equal(gateOf('  rollout: { minReady: 5s }\n', deployment('web')).minReadyMs, 5_000);
  const none = gateOf('  rollout: { minReady: 0s }\n', deployment('web'));
  assert.equal(none.minReadyMs, undefined);
  assert.doesNotMatch(none.text, /Without a probe/);
  for (const better of [
    deployment('web').replace(/^spec:/m, 'spec:\n  minReadySeconds: 5'),
    deployment('web', 'i:1', 0),
    deployment('web').replace('image:', 'readinessProbe: {}, image:'),
  ]) {
    assert.equal(gateOf('', better).minReadyMs, undefined, better);
  }
});

test('a gate after a change that touches no workload does not watch it', () => {
  const files = (mode: string) => ({
    'web.yaml': `${deployment('web')}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: s }\ndata: { mode: ${mode} }\n`,
  });
  const one = clusters('eu-1');
  const first = deploy(stack(WEB, files('a')), one);
  const { work } = step(deploy(stack(WEB, files('b')), one, first.committed).plan, 'gate:web@eu-1');
  assert.ok(work.action === 'gate' && work.minReadyMs === undefined);
});

test('needs hold within each wave', () => {
  const two = stack(
    `${WEB.replace(' }\n', '')}, needs: [ api ] }\n    - { name: api, manifests: [ api.yaml ], availability: { locations: { max: all } } }\n`.replace(
      '} }, needs',
      '} }, needs',
    ),
    { 'web.yaml': deployment('web'), 'api.yaml': deployment('api') },
  );
  const { plan } = deploy(two, FOUR);
  assert.deepEqual(ids(plan, 'apply').slice(0, 2), ['apply:api@eu-1', 'apply:web@eu-1']);
  assert.deepEqual(step(plan, 'apply:web@eu-1').after, ['settled:api#0']);
  assert.deepEqual(step(plan, 'settled:api#1').after, ['gate:api@us-1', 'gate:api@eu-2', 'gate:api@us-2']);
  assert.deepEqual(step(plan, 'apply:web@us-2').after, ['soak:0', 'settled:api#1']);
  const graph = new Map(plan.steps.map((one) => [one.id, one.after]));
  assert.equal(findCycle(graph), undefined);
  for (const one of plan.steps) for (const id of one.after) assert.ok(graph.has(id), `${one.id} waits for ${id}`);
});

test('an arrow stands between functions of a wave where one waits for the other, not between locations of one', () => {
  const wavesOf = (needs: string, rollout: string) => {
    const of = (name: string, more: string) =>
      `    - { name: ${name}, manifests: [ ${name}.yaml ]${more}, availability: { locations: { max: all } } }\n`;
    const functions = of('web', needs) + of('api', '') + of('log', '');
    const files = { 'web.yaml': deployment('web'), 'api.yaml': deployment('api'), 'log.yaml': deployment('log') };
    const { plan } = deploy(stack(`${functions}  rollout: { waves: [ 100% ]${rollout} }\n`, files), FOUR);
    return /^Waves:\n {2}1 {2}[-\w, ]+? {3}(.*)$/m.exec(planText(plan))?.[1];
  };
  for (const rollout of ['', ', maxUnavailableLocations: 1']) {
    assert.equal(wavesOf('', rollout), 'api, log, web');
    assert.equal(wavesOf(', needs: [ api ]', rollout), 'api, log → web');
  }
});

test('deletions come last: objects that are gone, locations that are gone, a whole stack', () => {
  const both = { 'web.yaml': `${deployment('web')}---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: old }\n` };
  const first = deploy(stack(WEB, both), FOUR);
  const fewer = deploy(
    web(),
    FOUR.map((one) => (one.name === 'us-2' ? { ...one, intent: 'draining' as const } : one)),
    first.committed,
  );
  const prune = step(fewer.plan, 'prune:web@eu-1').work;
  assert.ok(prune.action === 'prune');
  assert.deepEqual(prune.objects, [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'old' }]);
  const last = fewer.plan.steps.slice(-4).map((one) => [one.phase, one.kind, one.id]);
  assert.deepEqual(last.at(-1), ['decided', 'retriable', 'remove:web@us-2']);
  assert.ok(fewer.plan.irreversible.includes('remove web@us-2'));
  assert.ok(!fewer.plan.locations.some((one) => one.location.cluster === 'us-2'));
  const { plan } = makeRetirePlan({ stack: web(), baseRevision: 1, committed: first.committed });
  assert.deepEqual(
    plan.steps.map((one) => one.work.action),
    ['remove', 'remove', 'remove', 'remove'],
  );
  assert.deepEqual([plan.kind, plan.revision, plan.locations], ['retire', 0, []]);
});

test('the label ldc.dev/tenant goes with every plan of the stack; without it a plan has none', () => {
  const labelled = { ...web(), labels: { 'ldc.dev/tenant': 'gold', tier: 'one' } };
  const first = deploy(labelled, FOUR);
  assert.equal(first.plan.tenant, 'gold');
  assert.equal(makeRetirePlan({ stack: labelled, baseRevision: 1, committed: first.committed }).plan.tenant, 'gold');
  assert.ok(!('tenant' in deploy(web(), FOUR).plan));
});

test('fields that Kubernetes does not let change refuse the plan, unless the object says recreate', () => {
  const first = deploy(web(), FOUR);
  const other = deployment('web').replaceAll('app: web', 'app: other');
  const refused = tryDeploy(stack(WEB, { 'web.yaml': other }), FOUR, first.committed);
  assert.ok(refused.kind === 'refused');
  assert.match(refused.refusal.message, /apps\/Deployment shop\/web \(\.spec\.selector\.matchLabels\.app\)/);
  assert.match(refused.refusal.hint ?? '', /ldc.dev\/replace: recreate/);
  const allowed = other.replace('{ name: web }', '{ name: web, annotations: { ldc.dev/replace: recreate } }');
  const { plan } = deploy(stack(WEB, { 'web.yaml': allowed }), FOUR, first.committed);
  assert.ok(plan.irreversible.includes('recreate apps/Deployment shop/web on eu-1'));
});

test('a Job gets the digest of what it is into its name: the same stays, a changed one is new and the old one is pruned', () => {
  const job = (args: string) =>
    `apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate }\nspec: { template: { spec: { restartPolicy: Never, containers: [ { name: c, image: i, args: [ ${args} ] } ] } } }\n`;
  const first = deploy(stack(WEB, { 'web.yaml': job('a') }), clusters('eu-1'));
  const [name] = first.committed[0]?.bundle.objects.map((one) => one.metadata.name) ?? [];
  assert.match(name ?? '', /^migrate-[0-9a-f]{8}$/);
  assert.deepEqual(deploy(stack(WEB, { 'web.yaml': job('a') }), clusters('eu-1'), first.committed).plan.steps, []);
  const second = deploy(stack(WEB, { 'web.yaml': job('b') }), clusters('eu-1'), first.committed);
  assert.deepEqual(
    second.plan.changes[0]?.objects.map((one) => one.change),
    ['create', 'delete'],
  );
  const prune = step(second.plan, 'prune:web@eu-1').work;
  assert.ok(prune.action === 'prune' && prune.objects[0]?.name === name);
});

test('a bundle: overrides by label, replicas, order of applying, labels, Secrets cut after overrides', () => {
  const files = {
    'web.yaml': `${deployment('web')}---\napiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { a: old }\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: r }\n`,
  };
  const part = `    - name: web
      manifests: [ web.yaml ]
      replicas: { total: 4 }
      availability: { locations: { min: 2, spread: region } }
      conflicts: take
      drift: { mode: report, leaveAlone: [ /spec/replicas ] }
      overrides:
        - { on: { matchLabels: { region: us } }, patch: [ { op: replace, path: /data/a, value: bmV3, target: { kind: Secret } } ] }
`;
  const key = new Uint8Array(32);
  const cut = (object: KubeObject) => cutSecret(object, key).object;
  const { bundles, plan } = deploy(stack(part, files), FOUR, [], { cut });
  const [eu, us] = plan.locations.map((one) => bundles.get(one.bundle));
  assert.deepEqual(
    eu?.objects.map((one) => one.kind),
    ['Secret', 'Role', 'Deployment'],
  );
  assert.deepEqual(eu?.objects[2]?.metadata.labels, {
    'ldc.dev/function': 'web',
    'ldc.dev/project': 'default',
    'ldc.dev/stack': 'shop',
  });
  assert.deepEqual(eu?.objects[2]?.metadata.annotations, { 'ldc.dev/revision': '1' });
  assert.match(JSON.stringify(eu?.objects[2]?.spec), /"replicas":2/);
  assert.deepEqual(
    [eu?.fieldManager, eu?.conflicts, eu?.drift],
    ['ldc.default.shop', 'take', { mode: 'report', ignore: ['/spec/replicas'] }],
  );
  assert.notDeepEqual(eu?.objects[0]?.data, us?.objects[0]?.data, 'the override reached only us');
  assert.ok(!JSON.stringify([...bundles]).includes('bmV3'), 'the value of the override is cut, too');
  const dryRun = step(plan, 'dryRun:web@eu-1').work;
  assert.ok(dryRun.action === 'dryRun' && dryRun.pending.some((ref) => ref.kind === 'Role'));
});

test('no placement, no plan; and databases are refused with a sentence', () => {
  const nowhere = tryDeploy(web(), []);
  assert.ok(nowhere.kind === 'refused');
  assert.match(nowhere.refusal.message, /web needs 1 more location: there is no cluster/);
  const empty = tryDeploy(web(), [], [], { acceptUnmet: true });
  assert.equal(empty.kind, 'refused', 'an empty list is never a success');
  const owned = stack(`${WEB}  databases: [ { name: db, driver: postgres, manifests: [ db.yaml ] } ]\n`, {
    'web.yaml': deployment('web'),
    'db.yaml': deployment('db'),
  });
  const refused = tryDeploy(owned, FOUR);
  assert.ok(refused.kind === 'refused' && refused.refusal.kind === 'databasesNotServed');
});

test('text and Mermaid', () => {
  const first = deploy(web(), FOUR);
  const second = deploy(
    web('i:2'),
    FOUR.filter((one) => one.name !== 'us-2'),
    first.committed,
  );
  const text = planText(second.plan).replace(/sha256:[0-9a-f]+/, 'sha256:…');
  assert.equal(
    text,
    `Plan: deploy of default/shop to revision 2, from revision 1 (17 steps, sha256:…)

Changes:
  ~ web@eu-1   update Deployment web (.spec.template.spec.containers[0].image)
  ~ web@eu-2   update Deployment web (.spec.template.spec.containers[0].image)
  ~ web@us-1   update Deployment web (.spec.template.spec.containers[0].image)
  - web@us-2   delete 1 object

Waves:
  1  eu-1         web
  2  us-1, eu-2   web

Without a probe:
  web   ready when it has run for 2s without ending (rollout.minReady)

After the decision:
  - web@us-2   delete the whole location

No undo brings back:
  ! remove web@us-2`.replace('17 steps', `${second.plan.steps.length} steps`),
  );
  const chart = planMermaid(second.plan);
  assert.match(chart, /^flowchart LR\n {2}subgraph b0\["preparing"\]/);
  assert.match(chart, /subgraph b2\["wave 2"\]/);
  const many = deploy(web(), clusters(...Array.from({ length: 60 }, (_, i) => `eu-${i}`)));
  assert.match(planMermaid(many.plan), /apply × 45/);
});

test('a division of replicas that holds stays, though the clusters have changed their size', () => {
  const part =
    '    - { name: web, manifests: [ web.yaml ], replicas: { total: 5 }, availability: { locations: { min: 2, spread: region } } }\n';
  const divided = stack(part, { 'web.yaml': deployment('web') });
  const first = deploy(divided, FOUR);
  const counts = currentLocations(first.committed).map((one) => [one.cluster, one.replicas, one.amounts?.pods]);
  assert.deepEqual(counts, [
    ['eu-1', 3, 3],
    ['us-1', 2, 2],
  ]);
  const grown = FOUR.map((one) =>
    one.name === 'us-1' ? { ...one, allocatable: { ...one.allocatable, cpuMilli: 64_000 } } : one,
  );
  assert.deepEqual(deploy(divided, grown, first.committed).plan.steps, []);
});

test('several at a time when the rollout allows it, but never below the minimum', () => {
  const wide = (max: number) =>
    stack(
      `${WEB.replace('max: all', `min: 2, max: ${max}`)}  rollout: { waves: [ 100% ], maxUnavailableLocations: 3 }\n`,
      { 'web.yaml': deployment('web', `i:${max}`) },
    );
  const first = deploy(wide(4), FOUR);
  const again = deploy(
    stack(`${WEB.replace('max: all', 'min: 2, max: 4')}  rollout: { waves: [ 100% ], maxUnavailableLocations: 3 }\n`, {
      'web.yaml': deployment('web', 'i:new'),
    }),
    FOUR,
    first.committed,
  );
  const waits = again.plan.steps.filter((one) => one.work.action === 'apply').map((one) => one.after);
  assert.deepEqual(waits, [[], [], ['gate:web@eu-1'], ['gate:web@us-1']], 'two of four, so that two are left');
});

test('what serves nothing yet holds nothing back: new locations start at once, only updates take turns', () => {
  const spread = (max: number, image: string) =>
    stack(`${WEB.replace('max: all', `min: 1, max: ${max}`)}  rollout: { waves: [ 100% ] }\n`, {
      'web.yaml': deployment('web', image),
    });
  const waits = (plan: ReturnType<typeof deploy>['plan']) =>
    plan.steps.flatMap(({ work, after }) => (work.action === 'apply' ? [[work.location.cluster, after] as const] : []));
  const first = deploy(spread(2, 'i:1'), FOUR);
  assert.deepEqual(waits(first.plan).map(([, after]) => after), [[], []]); // biome-ignore format: one line
  const [one = '', two = ''] = waits(first.plan).map(([cluster]) => cluster);
  const grown = new Map(waits(deploy(spread(4, 'i:2'), FOUR, first.committed).plan));
  assert.equal(grown.size, 4);
  for (const [cluster, after] of grown) {
    assert.deepEqual(after, cluster === two ? [`gate:web@${one}`] : [], cluster);
  }
});

test('a stack that names its ServiceAccount: in bundles, in steps without one, and in the text; a new name changes every location', () => {
  const as = (name: string) => stack(`${WEB}  serviceAccount: ${name}\n`, { 'web.yaml': deployment('web') });
  const account = { namespace: 'shop', name: 'deployer' };
  const first = deploy(as('deployer'), clusters('eu-1'));
  assert.deepEqual(first.plan.serviceAccount, account);
  assert.deepEqual([...first.bundles.values()][0]?.serviceAccount, account);
  const { work } = step(first.plan, 'ensure:eu-1');
  assert.deepEqual(work.action === 'ensure' && [work.serviceAccount, work.objects], [account, []]);
  assert.match(planText(first.plan), /\nApplied as ServiceAccount shop\/deployer of each cluster\.\n/);
  const second = deploy(as('robot'), clusters('eu-1'), first.committed);
  assert.equal(second.plan.changes[0]?.change, 'update');
  assert.match(planText(second.plan), /~ web@eu-1 +settings only/);
  const plain = deploy(web(), clusters('eu-1'));
  assert.ok(!JSON.stringify(plain.plan).includes('serviceAccount'), 'what names none is as it was');
});

test('rules of health travel in the bundle; another rule is a change of the location, though of none of its objects', () => {
  const asked = (current: string) => {
    const health = `health: { cel: [ { kind: Deployment, current: "${current}" } ] }`;
    return stack(`    - { name: web, manifests: [ web.yaml ], ${health} }\n`, { 'web.yaml': deployment('web') });
  };
  const first = deploy(asked('object.status.replicas > 1'), clusters('eu-1'));
  const rules = [{ kind: 'Deployment', current: 'object.status.replicas > 1' }];
  assert.deepEqual([...first.bundles.values()][0]?.healthRules, rules);
  const second = deploy(asked('object.status.replicas > 0'), clusters('eu-1'), first.committed);
  assert.equal(second.plan.changes[0]?.change, 'update');
  assert.match(planText(second.plan), /~ web@eu-1 +settings only/);
  assert.deepEqual(deploy(asked('object.status.replicas > 1'), clusters('eu-1'), first.committed).plan.steps, []);
});
