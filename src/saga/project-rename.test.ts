import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Document, DocumentReader, Entry } from '../base/index.ts';
import { projectTransaction } from './project.ts';

it('what removals left on a cluster for a person is found under its new name', () => {
  const kept = {
    cluster: 'eu-1',
    location: 'default/shop/web@eu-1',
    stack: { project: 'default', name: 'shop' },
    ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data' },
    ...{ why: 'it holds data', transaction: 'tx-1', since: '2026-01-01T00:00:00.000Z' },
  };
  const key = 'eu-1/default/shop/web@eu-1/PersistentVolumeClaim shop/data';
  const document: Document = { collection: 'kept', key, version: 1, body: kept };
  const documents: DocumentReader = {
    get: () => undefined,
    list: (collection, { prefix = '' } = {}) => (collection === 'kept' && key.startsWith(prefix) ? [document] : []),
  };
  const entry = (data: Entry['data']) => ({ type: 'cluster.renamed', tx: 'cluster/eu-1', data }) as unknown as Entry;
  assert.deepEqual(projectTransaction(entry({ name: 'eu-1', to: 'eu-one' }), documents), [
    { collection: 'kept', key, body: null },
    {
      collection: 'kept',
      key: 'eu-one/default/shop/web@eu-one/PersistentVolumeClaim shop/data',
      body: { ...kept, cluster: 'eu-one', location: 'default/shop/web@eu-one' },
    },
  ]);
  assert.deepEqual(projectTransaction(entry({ name: 'us-1', to: 'us-one' }), documents), []);
  assert.deepEqual(projectTransaction(entry({ name: 'eu-one', from: 'eu-1' }), documents), []);
});
