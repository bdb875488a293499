import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, KubeObject } from '../../base/index.ts';
import { builtinResources } from '../schema/index.ts';
import type { Call } from './cluster.ts';
import { warnOfOddPods } from './odd-pods.ts';

function warnings(plural: string, spec: Json, before?: KubeObject): string[] {
  const said: string[] = [];
  const resource = builtinResources().find((one) => one.plural === plural);
  assert.ok(resource);
  const object = { apiVersion: 'v1', kind: resource.kind, metadata: { name: 'x' }, spec } as KubeObject;
  const call = { resource, subresource: '', warn: (text: string) => said.push(text) } as unknown as Call;
  warnOfOddPods(call, object, before);
  return said;
}

const container = (more: { readonly [field: string]: Json }) => ({ name: 'c', image: 'i', ...more });

test('variables: a later one hides an earlier one unless it is made from it', () => {
  const env = [
    { name: 'A', value: '1' },
    { name: 'A', value: '$(A)2' },
    { name: 'A', value: '$(A)' },
    { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'B', value: '1' },
  ];
  const hides = 'hides previous definition of "A", which may be dropped when using apply';
  assert.deepEqual(warnings('pods', { containers: [container({ env })] }), [
    `spec.containers[0].env[2]: ${hides}`,
    `spec.containers[0].env[3]: ${hides}`,
  ]);
});

test('ports: the same one twice, over all containers, and one name for two', () => {
  const first = [
    { containerPort: 80, protocol: 'TCP', name: 'web' },
    { containerPort: 80, protocol: 'UDP' },
  ];
  const second = [
    { containerPort: 80, protocol: 'TCP' },
    { containerPort: 80, protocol: 'TCP', hostPort: 8080 },
    { containerPort: 81, protocol: 'TCP', name: 'web' },
  ];
  const spec = { initContainers: [container({ ports: first })], containers: [container({ ports: second })] };
  const [a, b] = ['spec.initContainers[0].ports[0]', 'spec.containers[0].ports'];
  assert.deepEqual(warnings('pods', spec), [
    `${b}[0]: duplicate port definition with ${a}`,
    `${b}[1]: overlapping port definition with ${a}`,
    `${b}[1]: overlapping port definition with ${b}[0]`,
    `${b}[2]: duplicate port name "web" with ${a}, services and probes that select ports by name will use ${a}`,
  ]);
  const host = (hostIP: string) => ({ containerPort: 80, protocol: 'TCP', hostPort: 1, hostIP });
  const ambiguous = { containers: [container({ ports: [host(''), host('127.0.0.1'), host('127.0.0.2')] })] };
  assert.deepEqual(warnings('pods', ambiguous), [
    `${b}[1]: dangerously ambiguous port definition with ${b}[0]`,
    `${b}[2]: dangerously ambiguous port definition with ${b}[0]`,
  ]);
});

test('templates are warned of by their own path, and again only when what is wanted has changed', () => {
  const imagePullSecrets = [{ name: 's' }, { name: 's' }, { name: '' }];
  const template = { spec: { imagePullSecrets, containers: [] } };
  const at = 'spec.template.spec.imagePullSecrets';
  const twice = [`${at}[1].name: duplicate name "s"`, `${at}[2].name: invalid empty name ""`];
  assert.deepEqual(warnings('deployments', { template }), twice);
  const before = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x' },
    spec: { template },
  } as KubeObject;
  assert.deepEqual(warnings('deployments', { template }, before), []);
  assert.deepEqual(warnings('deployments', { template, paused: true }, before), twice);
  const jobs = warnings('cronjobs', { jobTemplate: { spec: { template } } });
  assert.equal(jobs[0], 'spec.jobTemplate.spec.template.spec.imagePullSecrets[1].name: duplicate name "s"');
  assert.deepEqual(warnings('services', { template }), []);
});
