import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../base/index.ts';
import type { LocationDifference } from './difference.ts';
import { takenVersions } from './versions.ts';

const gadget = (version: string): KubeObject => ({
  ...{ apiVersion: `example.org/${version}`, kind: 'Gadget' },
  metadata: { name: 'main', namespace: 'shop' },
});
const plain: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'main', namespace: 'shop' } };
const at = (cluster: string, ...objects: readonly KubeObject[]) =>
  ({ location: { cluster }, bundle: { objects } }) as unknown as LocationDifference;
const cluster = (name: string, ...versions: readonly string[]) => ({
  name,
  apis: ['v1/ConfigMap', ...versions.map((version) => `example.org/${version}/Gadget`)],
});

describe('versions that clusters take', () => {
  const both = [gadget('v1'), gadget('v1beta1'), plain];
  it('are the first given that each serves, told by version', () => {
    const clusters = [cluster('eu-1', 'v1', 'v1beta1'), cluster('us-1', 'v1beta1'), cluster('eu-2', 'v1')];
    const object = 'example.org/Gadget shop/main';
    assert.deepEqual(takenVersions([at('eu-1', ...both), at('us-1', ...both), at('eu-2', ...both)], clusters), [
      { object, apiVersion: 'example.org/v1', clusters: ['eu-1', 'eu-2'] },
      { object, apiVersion: 'example.org/v1beta1', clusters: ['us-1'] },
    ]);
  });
  it('are not told of what is given once, of what is not served yet, and of clusters that say nothing', () => {
    assert.deepEqual(takenVersions([at('eu-1', gadget('v1'), plain)], [cluster('eu-1', 'v1')]), []);
    assert.deepEqual(
      takenVersions([at('eu-1', ...both), at('us-1', ...both)], [cluster('eu-1'), { name: 'us-1' }]),
      [],
    );
  });
});
