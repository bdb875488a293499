import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { KubeObject } from '../base/index.ts';
import { contentDigest, normalize, normalizedDigest, normalizeOwners } from './normalize.ts';

const key = new Uint8Array(32).fill(7);

function deployment(): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'd',
      namespace: 'n',
      uid: 'u1',
      resourceVersion: '7',
      generation: 2,
      annotations: { 'deployment.kubernetes.io/revision': '4', 'team/owner': 'a' },
      managedFields: [
        {
          manager: 'ldc.default.shop',
          operation: 'Apply',
          apiVersion: 'apps/v1',
          time: '2026-01-01T00:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:replicas': {} } },
        },
        {
          manager: 'kcm',
          operation: 'Update',
          apiVersion: 'apps/v1',
          time: '2026-01-01T00:00:01Z',
          fieldsType: 'FieldsV1',
          subresource: 'status',
          fieldsV1: { 'f:status': {} },
        },
      ],
    },
    spec: { replicas: 2 },
    status: { readyReplicas: 2 },
  };
}

describe('normalize', () => {
  it('what controllers write all the time is no difference', () => {
    const a = deployment();
    const b: KubeObject = {
      ...a,
      metadata: {
        ...a.metadata,
        resourceVersion: '99',
        generation: 5,
        annotations: { 'deployment.kubernetes.io/revision': '6', 'team/owner': 'a' },
        managedFields: [{ ...(a.metadata.managedFields as object[])[0], time: '2030-01-01T00:00:00Z' }],
      },
      status: { readyReplicas: 0 },
    };
    assert.equal(normalizedDigest(a, key), normalizedDigest(b, key));
  });

  it('spec, uid, labels and owners of fields are differences', () => {
    const a = deployment();
    const same = normalizedDigest(a, key);
    assert.notEqual(same, normalizedDigest({ ...a, spec: { replicas: 3 } }, key));
    assert.notEqual(same, normalizedDigest({ ...a, metadata: { ...a.metadata, uid: 'u2' } }, key));
    assert.notEqual(same, normalizedDigest({ ...a, metadata: { ...a.metadata, labels: { x: 'y' } } }, key));
    const owners = [{ ...(a.metadata.managedFields as object[])[0], manager: 'other' }];
    const stolen = { ...a, metadata: { ...a.metadata, managedFields: owners } } as KubeObject;
    assert.notEqual(same, normalizedDigest(stolen, key));
    assert.equal(contentDigest(a, key), contentDigest(stolen, key), 'content does not ask who owns it');
  });

  it('an owner of nothing but the revision annotation vanishes', () => {
    const owners = normalizeOwners([
      {
        manager: 'kcm',
        operation: 'Update',
        fieldsV1: { 'f:metadata': { 'f:annotations': { '.': {}, 'f:deployment.kubernetes.io/revision': {} } } },
      },
    ]);
    assert.deepEqual(owners, []);
  });

  it('holds no Secret value, and tells two values apart', () => {
    const secret = (value: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { password: Buffer.from(value).toString('base64') },
    });
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), fc.string({ minLength: 6 }), (one, two) => {
        const text = JSON.stringify(normalize(secret(one), key));
        assert.ok(!text.includes(Buffer.from(one).toString('base64')));
        assert.equal(normalizedDigest(secret(one), key) === normalizedDigest(secret(two), key), one === two);
      }),
    );
  });

  it('the content of one reading is another by another key', () => {
    const data = { password: Buffer.from('sesame').toString('base64') };
    const secret: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data };
    const first = contentDigest(secret, key);
    assert.equal(contentDigest(secret, key), first);
    assert.notEqual(contentDigest(secret, new Uint8Array(32).fill(9)), first);
    assert.equal(contentDigest({ ...secret }, key), first);
  });

  it('normalising twice changes nothing', () => {
    const once = normalize(deployment(), key);
    assert.deepEqual(normalize(once, key), once);
  });
});
