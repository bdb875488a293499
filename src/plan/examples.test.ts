/**
 * Every folder of examples/ is a test: its stack is read and planned over four clusters, and what a person would see
 * stands beside it in plan.txt (or, where it is broken, in expected.txt). LDC_UPDATE_EXAMPLES=1 writes those files anew.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { problemText } from '../base/index.ts';
import { readStack } from '../ldc/index.ts';
import { planText } from './index.ts';
import { clusters, deploy } from './samples.ts';

const root = join(import.meta.dirname, '../../examples');
const FOUR = clusters('eu-1', 'us-1', 'eu-2', 'us-2');

function read(name: string) {
  const folder = join(root, name);
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const files = new Map(paths.sort().map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
  return readStack({ path: 'stack.yaml', text: files.get('stack.yaml') ?? '', files });
}

function stackOf(name: string) {
  const { resolved, problems } = read(name);
  assert.deepEqual(problems.map(problemText), []);
  assert.ok(resolved);
  return resolved;
}

function expected(file: string, text: string): void {
  const path = join(root, file);
  if (process.env.LDC_UPDATE_EXAMPLES === '1') writeFileSync(path, `${text}\n`);
  assert.equal(`${text}\n`, readFileSync(path, 'utf8'));
}

test('each folder of examples has its plan or its problems, and none is missing here', () => {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(folders.map((entry) => entry.name).sort(), ['broken', 'crd', 'hello', 'shop', 'shop-v2']);
});

for (const name of ['hello', 'crd', 'shop']) {
  test(`examples/${name} is planned as plan.txt says`, () => {
    expected(`${name}/plan.txt`, planText(deploy(stackOf(name), FOUR).plan));
  });
}

test('examples/hello has ten lines', () => {
  const text = readFileSync(join(root, 'hello/stack.yaml'), 'utf8');
  assert.ok(text.trim().split('\n').length <= 10);
});

test('examples/shop runs on three clusters', () => {
  const { plan } = deploy(stackOf('shop'), FOUR.slice(0, 3));
  assert.equal(plan.locations.length, 9);
});

test('examples/shop-v2 changes every location of shop; checkout is broken in the second wave only', () => {
  const first = deploy(stackOf('shop'), FOUR);
  const second = deploy(stackOf('shop-v2'), FOUR, first.committed);
  expected('shop-v2/plan.txt', planText(second.plan));
  assert.ok(second.plan.changes.every((change) => change.change === 'update'));
  const objects = second.plan.changes.flatMap((change) =>
    change.objects.map((one) => `${change.location} ${one.ref.kind} ${one.change}`),
  );
  assert.deepEqual(
    objects.filter((text) => text.endsWith(' none')),
    [],
    'no object stays as it was',
  );
  const broken = second.plan.steps.filter(
    (step) =>
      step.work.action === 'apply' && JSON.stringify(second.bundles.get(step.work.bundle)).includes('never-ready'),
  );
  assert.deepEqual(
    broken.map((step) => [step.id, step.wave]),
    [['apply:checkout@us-1', 1]],
  );
});

test('examples/crd: the kind comes first, and each version stands in the bundle in order of preference', () => {
  const { plan, bundles } = deploy(stackOf('crd'), FOUR.slice(0, 1));
  const widgets = plan.locations.find((one) => one.location.name === 'widgets');
  assert.ok(widgets);
  assert.deepEqual(
    bundles.get(widgets.bundle)?.objects.map((one) => one.apiVersion),
    ['example.com/v2', 'example.com/v1'],
  );
  const ensure = plan.steps.find((step) => step.work.action === 'ensure')?.work;
  assert.ok(ensure?.action === 'ensure');
  assert.deepEqual(
    ensure.objects.map((one) => one.kind),
    ['Namespace', 'CustomResourceDefinition'],
  );
});

test('examples/broken says every problem at once', () => {
  const { resolved, stack, problems } = read('broken');
  assert.equal(resolved ?? stack, undefined);
  expected('broken/expected.txt', problems.map(problemText).join('\n'));
});
