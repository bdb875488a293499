/** Whose the replicas are, when they are written and applied through `/scale`. */
import type { Json } from '../../../src/base/index.ts';
import { applied, get, merge, post, put, replace } from '../build.ts';
import type { Script } from '../types.ts';

const SETS = '/apis/apps/v1/namespaces/{{ns}}/replicasets';
const ONE = `${SETS}/web`;

function replicaSet(replicas: number | undefined): Json {
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
  const count = replicas === undefined ? {} : { replicas };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: '{{ns}}' },
    spec: { ...count, selector: { matchLabels: labels }, template },
  };
}

function scale(replicas: number, more: { readonly [field: string]: Json } = {}): Json {
  const spec = { replicas };
  return { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web', namespace: '{{ns}}' }, spec, ...more };
}

export const scaleScripts: readonly Script[] = [
  {
    name: 'scales',
    steps: [
      applied('of what is not there', `${ONE}/scale?fieldManager=scaler`, scale(1)),
      applied('apply the set', `${ONE}?fieldManager=one`, replicaSet(3)),
      applied('applied by another', `${ONE}/scale?fieldManager=scaler`, scale(4)),
      applied('applied by another, the same', `${ONE}/scale?fieldManager=scaler`, scale(3)),
      get('shared', ONE),
      applied('by force', `${ONE}/scale?fieldManager=scaler&force=true`, scale(5)),
      get('taken', ONE, { keep: 'taken' }),
      applied('the set again', `${ONE}?fieldManager=one`, replicaSet(3)),
      applied('the set without replicas', `${ONE}?fieldManager=one`, replicaSet(undefined)),
      merge('patched', `${ONE}/scale?fieldManager=patcher`, { spec: { replicas: 6 } }),
      get('after the patch', ONE),
      merge('patched to the same', `${ONE}/scale?fieldManager=another`, { spec: { replicas: 6 } }),
      get('after the same', ONE),
      get('its scale', `${ONE}/scale`, { keep: 'scale' }),
      put('put', `${ONE}/scale?fieldManager=putter`, 'scale', [{ op: 'replace', path: '/spec/replicas', value: 2 }]),
      put('put the stale', `${ONE}/scale`, 'scale', [{ op: 'replace', path: '/spec/replicas', value: 3 }]),
      get('after the put', ONE),
      applied('to nothing', `${ONE}/scale?fieldManager=scaler&force=true`, scale(0)),
      get('at nothing', ONE),
      merge('owned no more', ONE, { metadata: { managedFields: [{}] } }),
      merge('patched unowned', `${ONE}/scale?fieldManager=patcher`, { spec: { replicas: 1 } }),
      applied('applied unowned', `${ONE}/scale?fieldManager=scaler`, scale(7)),
      applied('applied unowned by force', `${ONE}/scale?fieldManager=scaler&force=true`, scale(7)),
      get('owned again', ONE),
      applied('without a manager', `${ONE}/scale`, scale(1)),
      applied('as another kind', `${ONE}/scale?fieldManager=scaler`, replicaSet(1)),
      applied('with a field that is none', `${ONE}/scale?fieldManager=scaler`, scale(7, { more: 1 })),
      applied('below zero', `${ONE}/scale?fieldManager=scaler&force=true`, scale(-1)),
      replace(
        'of another uid',
        `${ONE}/scale`,
        scale(1, { metadata: { name: 'web', namespace: '{{ns}}', uid: 'other' } }),
      ),
      applied('tried', `${ONE}/scale?fieldManager=scaler&dryRun=All`, scale(8)),
      post('posted', `${ONE}/scale`, scale(1)),
      get('at last', ONE),
    ],
  },
];
