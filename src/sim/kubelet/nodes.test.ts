import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObject, type JsonObject, SimulatedClock, silentLogger } from '../../base/index.ts';
import type { ApiAnswer, ApiRequest, Client } from '../../kubernetes/index.ts';
import { Nodes } from './nodes.ts';
import type { KubeletOptions } from './types.ts';

const answered = (status: number, body: JsonObject): ApiAnswer =>
  ({ kind: 'answered', status, body, headers: {} }) as unknown as ApiAnswer;

/** An API server that holds one node's status, and counts what is written to it. */
function rig() {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
  const seen = { status: {} as JsonObject, writes: 0, ready: 0 };
  const request = async ({ method, path, body }: ApiRequest): Promise<ApiAnswer> => {
    if (path === '/api/v1/nodes/n1' && method === 'GET') return answered(200, { status: seen.status });
    if (path === '/api/v1/nodes/n1/status' && isObject(body) && isObject(body.status)) {
      seen.writes++;
      seen.status = { ...seen.status, ...body.status };
    }
    return answered(200, {});
  };
  const capacity = { cpu: '1', memory: '1Gi', pods: '10' };
  const options = { client: { request } as unknown as Client, clock, logger: silentLogger, leaseSeconds: 40 };
  const nodes = new Nodes({ ...options, nodes: [{ name: 'n1', capacity }] } as unknown as KubeletOptions, 1, () => {
    seen.ready++;
  });
  const conditions = () => seen.status.conditions as unknown as readonly { type: string; status: string }[];
  return { clock, nodes, seen, conditions };
}

describe('nodes of a kubelet', () => {
  it('given up by the node controller say again that they are ready, and keep the room they were given', async () => {
    const { clock, nodes, seen, conditions } = rig();
    await nodes.register();
    await nodes.setAllocatable('n1', { cpu: '0', memory: '0', pods: '0' });
    const well = conditions();
    assert.deepEqual(
      well.filter(({ status }) => status === 'True').map(({ type }) => type),
      ['Ready'],
    );
    seen.status = { ...seen.status, conditions: well.map((one) => ({ ...one, status: 'Unknown' })) as never };
    await clock.advance(10_000);
    assert.deepEqual(
      conditions().map(({ type, status }) => [type, status]),
      well.map(({ type, status }) => [type, status]),
    );
    assert.equal((seen.status.allocatable as JsonObject).pods, '0');
    assert.equal(seen.ready, 1);
    nodes.close();
  });

  it('that are well are not written again', async () => {
    const { clock, nodes, seen } = rig();
    await nodes.register();
    const { writes } = seen;
    await clock.advance(60_000);
    assert.equal(seen.writes, writes);
    assert.equal(seen.ready, 6);
    nodes.close();
  });
});
