import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock as clock } from '../../base/index.ts';
import { kubeCache, provideBinaries } from './binaries.ts';
import { build } from './build.ts';
import { CannotBuild } from './go.ts';
import { KUBE_SOURCES, kubernetesTarget, kwokTarget } from './targets.ts';

/** Stands in for Go: says its version, notes each build, writes a program, or fails with the words it is given. */
const FAKE_GO = `#!/bin/sh
if [ "$1" = env ]; then echo "go$FAKE_VERSION"; exit; fi
echo "$GOTOOLCHAIN $CGO_ENABLED $GOFLAGS $*" >> "$FAKE_LOG"
if [ -n "$FAKE_ERROR" ]; then echo "$FAKE_ERROR" >&2; exit 1; fi
echo some/package >&2
sleep 0.2
while [ "$1" != -o ]; do shift; done
echo program > "$2"
`;

describe('building control planes', () => {
  let folder = '';
  let said: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ldc-build-'));
    said = [];
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin', 'go'), FAKE_GO);
    chmodSync(join(folder, 'bin', 'go'), 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const environment = (more: { [name: string]: string } = {}) => ({
    PATH: `${folder}/bin:/usr/bin:/bin`,
    FAKE_VERSION: '1.26.8',
    FAKE_LOG: join(folder, 'builds'),
    ...more,
  });
  const options = (more?: { [name: string]: string }) => ({
    cache: join(folder, 'cache'),
    environment: environment(more),
    clock,
    say: (line: string) => void said.push(line),
  });
  const builds = () =>
    existsSync(join(folder, 'builds')) ? readFileSync(join(folder, 'builds'), 'utf8').trimEnd().split('\n') : [];
  const failure = async (more: { [name: string]: string }) => {
    const error = await build(kwokTarget(), options(more)).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof CannotBuild, String(error));
    assert.deepEqual(readdirSync(join(folder, 'cache')), [], 'neither a lock nor half a result stays');
    return error.message;
  };

  it('builds each program once and links the names by which the control plane is called', async () => {
    const target = kubernetesTarget('1.33');
    const first = await build(target, options());
    assert.equal(typeof first.seconds, 'number');
    assert.deepEqual(readdirSync(first.folder).sort(), [
      'etcd',
      'kube',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
    ]);
    assert.equal(readFileSync(join(first.folder, 'kube-scheduler'), 'utf8'), 'program\n');
    assert.deepEqual(await build(target, options()), { folder: first.folder });
    assert.equal(builds().length, 2);
    assert.match(
      builds()[0] as string,
      /^local 0 -trimpath -mod=readonly build .*-modfile go-1\.33\.mod .*gitVersion=v1\.33\.13/,
    );
  });

  it('two at once: one builds, the other waits', async () => {
    const both = await Promise.all([build(kwokTarget(), options()), build(kwokTarget(), options())]);
    assert.equal(both[0].folder, both[1].folder);
    assert.equal(builds().length, 1);
    assert.equal(both.filter(({ seconds }) => seconds === undefined).length, 1);
    assert.match(said.join('\n'), new RegExp(`process ${process.pid} is building it; waiting`));
  });

  it('takes over from a builder that is gone', async () => {
    const { pid } = spawnSync('true');
    const target = kwokTarget();
    mkdirSync(join(folder, 'cache'));
    writeFileSync(join(folder, 'cache', `${target.key}.lock`), `${pid} of another time`);
    assert.equal(typeof (await build(target, options())).seconds, 'number');
    assert.deepEqual(readdirSync(join(folder, 'cache')), [target.key]);
  });

  it('says what is missing: Go, a newer Go, the network, the disk', async () => {
    assert.match(
      await failure({ FAKE_VERSION: '1.24.13' }),
      /kwok v\S+ needs Go 1\.26 or newer.*1\.24\.13.*next: install a newer Go/s,
    );
    assert.match(
      await failure({ FAKE_ERROR: 'go: x@v1: dial tcp: lookup nowhere: no such host' }),
      /modules could not be downloaded.*next: check the network.*dial tcp/s,
    );
    assert.match(
      await failure({ FAKE_ERROR: 'write /tmp/x: no space left on device' }),
      /the disk is full.*next: free/s,
    );
    assert.match(
      await failure({ FAKE_ERROR: 'cmd/x.go:3:1: syntax error' }),
      /go build failed\n {2}cmd\/x\.go:3:1: syntax error/,
    );
    assert.match(
      await failure({ PATH: join(folder, 'nothing') }),
      /no Go in PATH\n {2}next: install Go 1\.26 or newer, or set KUBEBUILDER_ASSETS/,
    );
  });

  it('what the result depends on is in its key', () => {
    const sources = join(folder, 'kube');
    cpSync(KUBE_SOURCES, sources, { recursive: true });
    const before = kubernetesTarget('1.34', sources).key;
    assert.equal(before, kubernetesTarget('1.34').key);
    assert.match(before, /^kubernetes-v1\.34\.\d+-[0-9a-f]{12}$/);
    const main = join(sources, 'cmd', 'etcd', 'main.go');
    writeFileSync(main, `${readFileSync(main, 'utf8')}\n`);
    assert.notEqual(kubernetesTarget('1.34', sources).key, before);
    assert.equal(kwokTarget(sources).key, kwokTarget().key);
  });

  it('KUBEBUILDER_ASSETS comes first, with the version it has', async () => {
    const assets = join(folder, 'assets');
    mkdirSync(assets);
    const provide = (more: { [name: string]: string }) =>
      provideBinaries('1.34', { ...options(), environment: environment(more) });
    await assert.rejects(
      provide({ KUBEBUILDER_ASSETS: assets }),
      /its kube-apiserver does not run.*next: correct it, or unset it/s,
    );
    writeFileSync(join(assets, 'kube-apiserver'), '#!/bin/sh\necho Kubernetes v1.31.4\n', { mode: 0o755 });
    const { version, program, built } = await provide({ KUBEBUILDER_ASSETS: assets });
    assert.equal(version, 'v1.31.4');
    assert.equal(program.kwok, join(assets, 'kwok'));
    assert.deepEqual(built, []);
    assert.deepEqual(builds(), []);
  });

  it('the cache is where LDC_KUBE_CACHE says, by default in the home folder', () => {
    assert.equal(kubeCache({ LDC_KUBE_CACHE: '/somewhere', HOME: '/home/me' }), '/somewhere');
    assert.equal(kubeCache({ HOME: '/home/me' }), '/home/me/.cache/ldc/kube');
  });
});
