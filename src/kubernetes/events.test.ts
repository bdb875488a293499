import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import type { Json, KubeObject } from '../base/index.ts';
import { eventsAbout } from './events.ts';
import type { Client } from './types.ts';

/** What a real control plane wrote; see its `source`. */
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'events.generated.json'), 'utf8')) as {
  readonly events: readonly (KubeObject & { readonly involvedObject: { readonly uid: string } })[];
  readonly replicaSet: KubeObject;
};

it('a ReplicaSet that may make no pods: what was said of each pod by its name is one event, and leaves room for others', async () => {
  const { uid } = recorded.replicaSet.metadata;
  const items = recorded.events.filter(({ involvedObject }) => involvedObject.uid === uid);
  assert.ok(items.filter(({ reason }) => reason === 'FailedCreate').length >= 10, 'as recorded');
  const body = { kind: 'EventList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items } as unknown as Json;
  const request = async () => ({ kind: 'answered' as const, status: 200, body, warnings: [] });
  const told = await eventsAbout({ request } as unknown as Client, recorded.replicaSet, (text) => text);
  assert.deepEqual(
    told.map(({ reason, count, at, since }) => [reason, count, at, since]),
    [
      ['FailedCreate', 14, '2026-11-22T23:27:54Z', '2026-11-22T23:27:34Z'],
      ['SuccessfulCreate', 1, '2026-11-22T23:27:34Z', undefined],
    ],
  );
  assert.match(told[0]?.message ?? '', /^Error creating: pods "web-9bd89c474-jmhh7" is forbidden: exceeded quota: few/);
});
