/**
 * Drift: how long an object of a stack stays other than it should be, on an embedded cluster with controllers, from the
 * answer to the foreign write until the object is read as it was. `node bench/drift.ts [SAMPLES]`; each sample is another
 * object, because an agent slows down when somebody fights it over one. JSON on stdout.
 */
import type { KubeObject } from '../src/base/index.ts';
import {
  configMap,
  deploy,
  deployment,
  output,
  part,
  type Rig,
  startLiving,
  startRig,
  until,
} from '../test/hub-agent-rig.ts';
import { printFigures, spread } from './measure/figures.ts';

const SAMPLES = Number(process.argv[2] ?? 40);
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const settings = (index: number) => `/api/v1/namespaces/shop/configmaps/settings-${index}`;
const checkout = (index: number) => `/apis/apps/v1/namespaces/shop/deployments/checkout-${index}`;
const indices = Array.from({ length: SAMPLES }, (_, index) => index);

/** What somebody does by hand, and how it looks when it is undone. */
interface Drift {
  readonly name: string;
  break(rig: Rig, index: number): Promise<unknown>;
  whole(rig: Rig, index: number): Promise<boolean>;
}
const imageOf = (object: KubeObject | undefined) => JSON.stringify(part(object, 'spec', 'template', 'spec')) ?? '';
const isSettled = async (rig: Rig, index: number) => part(await rig.get(settings(index)), 'data', 'mode') === 'good';
const DRIFTS: readonly Drift[] = [
  {
    name: 'fieldChanged',
    break: (rig, index) => rig.write('PATCH', `${settings(index)}?fieldManager=hand`, { data: { mode: 'bad' } }, MERGE),
    whole: isSettled,
  },
  { name: 'objectDeleted', break: (rig, index) => rig.write('DELETE', settings(index)), whole: isSettled },
  {
    name: 'imageChanged',
    break: (rig, index) => {
      const containers = [{ name: 'c', image: 'evil:1' }];
      const patch = { spec: { template: { spec: { containers } } } };
      return rig.write('PATCH', `${checkout(index)}?fieldManager=hand`, patch, STRATEGIC);
    },
    whole: async (rig, index) => imageOf(await rig.get(checkout(index))).includes('"image":"good:1"'),
  },
];

const living = await startLiving();
const rig = await startRig({ cluster: living.cluster });
await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
const objects = indices.flatMap((index) => [
  configMap(`settings-${index}`, { mode: 'good' }),
  deployment(`checkout-${index}`, 'good:1', 1),
]);
const bundle = await rig.bundle(1, objects);
output((await deploy(rig, 1, bundle)).outcome, 'receipt');
await until(() => rig.hub.registry.observations('eu-1')[0]?.status === 'current', 'everything is ready', 60_000);

const figures: { [name: string]: object } = {};
for (const drift of DRIFTS) {
  const tookMs: number[] = [];
  for (const index of indices) {
    await drift.break(rig, index);
    tookMs.push(await until(() => drift.whole(rig, index), `${drift.name} is repaired`));
  }
  figures[`${drift.name}Ms`] = spread(tookMs);
}
await rig.close();
await living.close();
printFigures('drift', { objects: objects.length, ...figures, targetP50Ms: 1_000 });
process.exit(0);
