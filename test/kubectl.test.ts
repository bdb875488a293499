/** The newest kubectl at hand against an embedded API server: what people type, and what it prints. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../src/sim/api/index.ts';
import { WIDGETS } from './golden-actors.ts';

const FOLDERS = ['/usr/lib/google-cloud-sdk/bin', ...(process.env.PATH ?? '').split(':')];

/** `LDC_KUBECTL` when it is set, else the newest versioned binary, else whatever `kubectl` is in PATH. */
function findKubectl(): string | undefined {
  if (process.env.LDC_KUBECTL !== undefined) return process.env.LDC_KUBECTL;
  const present = FOLDERS.filter((folder) => folder !== '' && existsSync(folder));
  const versioned = present.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^kubectl\.1\.\d+$/.test(name))
      .map((name) => join(folder, name)),
  );
  const newest = versioned.sort((a, b) => Number(a.split('.').at(-1)) - Number(b.split('.').at(-1))).at(-1);
  return newest ?? present.map((folder) => join(folder, 'kubectl')).find((path) => existsSync(path));
}

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const KUBECTL = findKubectl();

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [ { name: c, image: "example.invalid/web:1" } ] }
`;

describe('kubectl', {
  skip: KUBECTL === undefined ? 'NO KUBECTL ON THIS MACHINE: nothing was checked with it' : false,
}, () => {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-kubectl-'));
  let server: ApiServer;

  const kubectl = (args: string, input = ''): Promise<Run> =>
    new Promise((resolve) => {
      const env = { ...process.env, KUBECONFIG: join(dir, 'config'), HOME: dir };
      const child = execFile(KUBECTL ?? '', args.split(' '), { env, timeout: 30_000 }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
      });
      child.stdin?.end(input);
    });

  const succeeds = async (args: string, expected: RegExp, input = '') => {
    const { code, out, err } = await kubectl(args, input);
    assert.equal(code, 0, `kubectl ${args}: ${err}`);
    assert.match(out, expected);
  };

  before(async () => {
    server = await startApiServer({ name: 'k1' });
    writeFileSync(join(dir, 'config'), server.adminKubeconfig.yaml);
  });
  after(async () => {
    await server.close();
    rmSync(dir, { recursive: true });
  });

  test('apply creates, configures, and leaves alone what is equal', async () => {
    await succeeds('apply -f -', /deployment\.apps\/web created/, DEPLOYMENT);
    await succeeds('apply -f -', /deployment\.apps\/web unchanged/, DEPLOYMENT);
    await succeeds('apply -f -', /deployment\.apps\/web configured/, DEPLOYMENT.replace('web:1', 'web:2'));
    await succeeds(
      'get deployment web -o jsonpath={.spec.template.spec.containers[0].image}',
      /^example\.invalid\/web:2$/,
    );
  });

  test('apply refuses an unknown field and changes nothing', async () => {
    const { code, err } = await kubectl('apply -f -', DEPLOYMENT.replace('replicas: 2', 'replicaz: 2'));
    assert.notEqual(code, 0);
    assert.match(err, /unknown field "spec.replicaz"/);
  });

  test('apply --server-side names the other manager in a conflict', async () => {
    const applied = await kubectl(
      'apply --server-side --field-manager=other -f -',
      DEPLOYMENT.replace('replicas: 2', 'replicas: 7'),
    );
    assert.notEqual(applied.code, 0);
    assert.match(applied.err, /conflicts? with "kubectl-client-side-apply".*\.spec\.replicas/s);
    await succeeds(
      'apply --server-side --force-conflicts --field-manager=other -f -',
      /serverside-applied/,
      DEPLOYMENT,
    );
  });

  test('apply --dry-run=server and diff write nothing', async () => {
    const changed = DEPLOYMENT.replace('replicas: 2', 'replicas: 9');
    await succeeds('apply --dry-run=server -f -', /server dry run/, changed);
    await succeeds('get deployment web -o jsonpath={.spec.replicas}', /^2$/);
  });

  test('get prints the columns of the kind, and all of it', async () => {
    await succeeds('get deployments', /NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/2/);
    await succeeds('get deploy -o wide', /CONTAINERS +IMAGES +SELECTOR/);
    await succeeds('get all', /service\/kubernetes +ClusterIP +10\.96\.0\.1/);
    await succeeds('get ns', /kube-system +Active/);
    await succeeds('get deployment web -o yaml', /progressDeadlineSeconds: 600/);
  });

  test('scale, label, annotate, patch, set image', async () => {
    await succeeds('scale deployment web --replicas=5', /scaled/);
    await succeeds('get deployment web -o jsonpath={.spec.replicas}', /^5$/);
    await succeeds('label deployment web tier=gold', /labeled/);
    await succeeds('annotate deployment web note=x', /annotated/);
    await succeeds('set image deployment/web c=example.invalid/web:3', /image updated/);
    await succeeds('get deployment -l tier=gold -o name', /deployment\.apps\/web/);
  });

  test('describe, explain, api-resources, version', async () => {
    await succeeds('describe deployment web', /Replicas: +5 desired/);
    await succeeds('explain deployment.spec.replicas', /FIELD: replicas <integer>/);
    await succeeds('api-resources', /deployments +deploy +apps\/v1 +true +Deployment/);
    await succeeds('version', /Server Version: v1\.34/);
  });

  test('get -w shows what changes while it runs', async () => {
    const watching = kubectl('get configmap -n kube-public -w --request-timeout=3s');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    server.door.create(
      'configmaps',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seen', namespace: 'kube-public' } },
      'test',
    );
    const { out } = await watching;
    assert.match(out, /^seen +0/m);
  });

  test('wait sees a condition come true', async () => {
    const waiting = kubectl('wait deployment/web --for=condition=Available --timeout=10s');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const live = server.door.get('deployments.apps', 'default', 'web');
    assert.ok(live);
    const conditions = [
      {
        type: 'Available',
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        lastUpdateTime: '2026-01-01T00:00:00Z',
        reason: 'Test',
        message: '',
      },
    ];
    server.door.update('deployments.apps', { ...live, status: { conditions } }, 'test', 'status');
    const { code, out, err } = await waiting;
    assert.equal(code, 0, err);
    assert.match(out, /condition met/);
  });

  test('create sends protobuf and is understood', async () => {
    await succeeds('create configmap made --from-literal=a=b', /configmap\/made created/);
    await succeeds('get configmap made -o jsonpath={.data.a}', /^b$/);
    await succeeds('create namespace other', /namespace\/other created/);
    await succeeds('create deployment d2 --image=example.invalid/d:1', /deployment\.apps\/d2 created/);
  });

  test('auth can-i and whoami', async () => {
    await succeeds('auth can-i delete nodes', /^yes/);
    const denied = await kubectl('auth can-i delete nodes --as=bob');
    assert.match(denied.out, /^no/);
    await succeeds('auth whoami', /kubernetes-admin/);
  });

  test('delete waits until it is gone', async () => {
    await succeeds('delete deployment web', /deployment\.apps "web" deleted/);
    const { code, err } = await kubectl('get deployment web');
    assert.notEqual(code, 0);
    assert.match(err, /deployments\.apps "web" not found/);
  });

  test('explain prints what it printed against the real server', async () => {
    const recorded = JSON.parse(
      readFileSync(new URL('./golden/155-kubectl-explain.json', import.meta.url), 'utf8'),
    ) as { stdout: string };
    server.door.create('customresourcedefinitions.apiextensions.k8s.io', WIDGETS, 'test');
    const { code, out, err } = await kubectl('explain widgets.spec.size');
    assert.equal(code, 0, err);
    assert.equal(out, recorded.stdout);
  });

  test('a custom resource is served as soon as it is defined', async () => {
    const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: gadgets, kind: Gadget }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { size: { type: string } } } } } }
`;
    await succeeds('apply -f -', /created/, crd);
    await succeeds('wait --for=condition=Established crd/gadgets.example.com', /condition met/);
    await succeeds(
      'apply -f -',
      /gadget\.example\.com\/g created/,
      'apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: default}\nspec: {size: big}\n',
    );
    await succeeds('get gadgets', /NAME +AGE\ng /);
    await succeeds('delete crd gadgets.example.com', /deleted/);
  });
});
