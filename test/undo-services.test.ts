/** What a server gives a Service (addresses, node ports) is what clients know it by: an undo that makes it anew asks for the same. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import type { Json, KubeObject } from '../src/base/index.ts';
import { deploy, LABELS, MANAGER, output, owners, part, type Rig, startRig, undo } from './hub-agent-rig.ts';

const SERVICES = '/api/v1/namespaces/shop/services';
const WEB = `${SERVICES}/web`;

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

function service(spec: { readonly [field: string]: Json }): KubeObject {
  const metadata = { name: 'web', namespace: 'shop', labels: LABELS };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec } as unknown as KubeObject;
}
const PORTS = [
  { name: 'http', port: 80 },
  { name: 'dns', port: 53, protocol: 'UDP' },
];
const plain = (more: { readonly [field: string]: Json } = {}) => service({ selector: { app: 'web' }, ports: PORTS, ...more }); // biome-ignore format: one line
const numbers = (object: KubeObject | undefined) => [
  part(object, 'spec', 'clusterIP'),
  part(object, 'spec', 'clusterIPs'),
  (part(object, 'spec', 'ports') as readonly { nodePort?: number }[]).map(({ nodePort }) => nodePort),
];

async function undone(before: KubeObject, after: KubeObject, meanwhile: () => Promise<unknown> = async () => {}) {
  const ignored = { drift: { mode: 'ignore', ignore: [] } }; // a repair would make anew what another deletes here
  const first = await rig.bundle(1, [before], ignored);
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  const was = await rig.get(WEB);
  const second = await rig.bundle(2, [after], ignored);
  const made = await deploy(rig, 2, second, first);
  output(made.outcome, 'receipt');
  await meanwhile();
  const { verified } = await undo(rig, made, { revision: 1, bundle: first });
  return { was, is: await rig.get(WEB), verified };
}

it('that had become an ExternalName has its address again', async () => {
  const external = service({ type: 'ExternalName', externalName: 'elsewhere.example.com' });
  const { was, is, verified } = await undone(plain(), external);
  assert.deepEqual(numbers(is), numbers(was));
  assert.deepEqual(owners(is), owners(was), 'and nobody owns it');
  assert.deepEqual(verified.differences, []);
});

it('that another deleted meanwhile has its address and node ports again', async () => {
  const ported = plain({ type: 'NodePort' });
  const gone = () => rig.write('DELETE', WEB);
  const { was, is, verified } = await undone(ported, plain({ type: 'NodePort', sessionAffinity: 'ClientIP' }), gone);
  assert.notEqual(is?.metadata.uid, was?.metadata.uid);
  assert.ok(numbers(was).flat().every((number) => number !== undefined)); // biome-ignore format: one line
  assert.deepEqual(numbers(is), numbers(was));
  assert.deepEqual(owners(is), owners(was));
  assert.ok(
    verified.differences.every(({ explained }) => explained !== undefined),
    JSON.stringify(verified),
  );
});

it('whose address another has taken meanwhile gets one all the same, and the comparison says that it differs', async () => {
  const taken = async () => {
    const address = part(await rig.get(WEB), 'spec', 'clusterIP') as string;
    await rig.write('DELETE', WEB);
    const metadata = { name: 'thief', namespace: 'shop' };
    await rig.write('POST', SERVICES, { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: address, ports: [{ port: 1 }] } }); // biome-ignore format: one line
  };
  const { was, is, verified } = await undone(plain(), plain({ sessionAffinity: 'ClientIP' }), taken);
  assert.notEqual(part(is, 'spec', 'clusterIP'), part(was, 'spec', 'clusterIP'));
  assert.ok(owners(is).some(({ manager }) => manager === MANAGER));
  assert.equal(verified.equal, false);
});
