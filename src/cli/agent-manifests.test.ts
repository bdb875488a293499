import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { isObject, type Json, type KubeObject } from '../base/index.ts';
import { fakeMachine } from './fake-io.test.ts';

const print = (...args: string[]) => fakeMachine({}).ldc('agent', 'manifests', ...args);
const objectsOf = async (...args: string[]): Promise<readonly KubeObject[]> => {
  const ran = await print(...args);
  assert.equal(ran.code, 0, ran.err);
  return parseAllDocuments(ran.out).map((one) => one.toJS() as KubeObject);
};
const names = (objects: readonly KubeObject[]) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
const rulesOf = (objects: readonly KubeObject[], name?: string) =>
  objects
    .filter((one) => name === undefined || one.metadata.name === name)
    .flatMap((one) => (Array.isArray(one.rules) ? one.rules.filter(isObject) : []));
const texts = (value: Json | undefined) => (Array.isArray(value) ? value.map(String) : []);

describe('ldc agent manifests', () => {
  it('never gives a verb or a kind by *, nor escalate, bind, impersonate, or tokens of any account', async () => {
    for (const args of [[], ['--namespaces', 'shop'], ['--service-accounts', 'shop/a,shop/b,pay/c']]) {
      const rules = rulesOf(await objectsOf(...args));
      assert.ok(rules.length > 5);
      const granted = rules.flatMap((rule) => [
        ...texts(rule.verbs),
        ...texts(rule.resources),
        ...texts(rule.apiGroups),
      ]);
      for (const word of ['*', 'escalate', 'bind', 'impersonate', 'deletecollection', 'nodes/proxy', 'pods/exec'])
        assert.ok(!granted.includes(word), `${word} with ${args.join(' ')}`);
      const tokens = rules.filter((rule) => texts(rule.resources).includes('serviceaccounts/token'));
      assert.ok(tokens.every((rule) => texts(rule.resourceNames).length > 0));
      assert.equal(tokens.length, args.includes('shop/a,shop/b,pay/c') ? 2 : 0, 'a rule for each namespace');
    }
  });

  it('limited to namespaces: Roles there, and of the whole cluster nothing but reading nodes, pods and definitions of kinds', async () => {
    const objects = await objectsOf('--namespaces', 'shop,pay', '--kinds', 'kafka.strimzi.io/kafkas', '--rights-only');
    assert.deepEqual(
      names(objects).filter((name) => name.startsWith('Role ') || name.startsWith('ClusterRole ')),
      [
        'Role ldc-system/ldc-agent-memory',
        'ClusterRole /ldc-agent-capacity',
        'Role shop/ldc-agent-observe',
        'Role pay/ldc-agent-observe',
        'Role shop/ldc-agent-deploy',
        'Role pay/ldc-agent-deploy',
      ],
    );
    assert.deepEqual(rulesOf(objects, 'ldc-agent-capacity'), [
      { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list', 'watch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list'] },
      { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['list', 'watch'] },
      { apiGroups: ['apiregistration.k8s.io'], resources: ['apiservices'], verbs: ['list', 'watch'] },
      { apiGroups: [''], resources: ['namespaces'], verbs: ['get'], resourceNames: ['kube-system'] },
    ]);
    const deploy = rulesOf(objects, 'ldc-agent-deploy');
    const kafka = deploy.filter((rule) => texts(rule.apiGroups).includes('kafka.strimzi.io'));
    assert.deepEqual(kafka[0], {
      apiGroups: ['kafka.strimzi.io'],
      resources: ['kafkas'],
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    });
    const ground = deploy.filter((rule) => texts(rule.resources).includes('namespaces'));
    assert.deepEqual(ground[0]?.verbs, ['get']);
    assert.ok(!names(objects).some((name) => /Deployment|NetworkPolicy|Secret/.test(name)));
  });

  it('without rights of its own it may only ask for the tokens of the accounts that were named', async () => {
    const objects = await objectsOf('--no-own-rights', '--service-accounts', 'shop/deployer', '--rights-only');
    assert.ok(!names(objects).some((name) => name.includes('ldc-agent-deploy')));
    const outside = objects.filter((one) => one.metadata.namespace !== 'ldc-system');
    const writes = rulesOf(outside).filter((rule) => texts(rule.verbs).some((verb) => !/get|list|watch/.test(verb)));
    assert.deepEqual(writes, [
      { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'], resourceNames: ['deployer'] },
    ]);
  });

  it('its pod fits the restricted profile; a join is a Secret, and nothing of it is on a command line', async () => {
    const machine = fakeMachine({ LDC_JOIN_TOKEN: 'ldc1.t' });
    const ran = await machine.ldc(
      'agent',
      'manifests',
      '--hub',
      'https://hub:7421',
      '--cluster-name',
      'eu-3',
      '-o',
      'json',
    );
    const { items } = JSON.parse(ran.out) as { items: KubeObject[] };
    const secret = items.find(({ kind }) => kind === 'Secret');
    assert.deepEqual(secret?.stringData, { hub: 'https://hub:7421', token: 'ldc1.t', name: 'eu-3' });
    const deployment = JSON.stringify(items.find(({ kind }) => kind === 'Deployment'));
    assert.ok(!deployment.includes('ldc1.t'));
    for (const part of [
      '"runAsNonRoot":true',
      '"allowPrivilegeEscalation":false',
      '"drop":["ALL"]',
      '"RuntimeDefault"',
    ])
      assert.ok(deployment.includes(part), part);
    const space = items.find(({ kind }) => kind === 'Namespace');
    assert.equal(space?.metadata.labels?.['pod-security.kubernetes.io/enforce'], 'restricted');
  });

  it('says what cannot be meant', async () => {
    for (const [args, said] of [
      [['--kinds', '*'], /\* is no kind/],
      [['--kinds', 'serviceaccounts/token'], /serviceaccounts\/token is no kind/],
      [['--kinds', 'apps/deployments/scale'], /is no kind/],
      [['--service-accounts', 'deployer'], /deployer is no ServiceAccount/],
      [['--namespaces', 'Shop'], /Shop is no name of a namespace/],
      [['--no-own-rights'], /it could change nothing/],
      [['--no-own-rights', '--service-accounts', 'a/b', '--namespaces', 'a'], /are about rights of its own/],
      [['--token', 't'], /all of --hub, --token and --cluster-name/],
      [['-o', 'name'], /no output format name/],
    ] as const) {
      const ran = await print(...args);
      assert.equal(ran.code, 2, args.join(' '));
      assert.match(ran.err, said);
    }
    const bare = await fakeMachine({}).ldc('agent');
    assert.equal(bare.code, 2);
    assert.match(bare.err, /the agent needs its hub/);
  });
});
