/** bin/ldc as a shell script: which Node it takes, what it hands over, and that nothing stays between the caller and ldc. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { agentNodeOptions } from '../src/main/agent-process.ts';
import { hubEnvironment, hubNodeOptions } from '../src/main/hub-process.ts';

let folder: string;
/** An installed package: compiled, without a Node of its own. */
let launcher: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ldc-launcher-'));
  launcher = join(folder, 'app', 'node_modules', 'ldc', 'bin', 'ldc');
  mkdirSync(dirname(launcher), { recursive: true });
  copyFileSync(join(import.meta.dirname, '..', 'bin', 'ldc'), launcher);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Something that says it is a Node of that version, and tells its pid and arguments when it is to run a program. */
function fakeNode(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `#!/bin/sh
if [ "$1" = --version ]; then echo ${version}; exit; fi
echo "${version} $$"
for one in "$@"; do echo "$one"; done
echo "malloc=$MALLOC_ARENA_MAX,$MALLOC_TRIM_THRESHOLD_"
echo "cache=$NODE_COMPILE_CACHE"
`,
  );
  chmodSync(path, 0o755);
  return dirname(path);
}

function run(file: string, path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr, pid } = spawnSync(file, args, {
    cwd: '/',
    env: { PATH: `${path}:/usr/bin:/bin`, HOME: '/home/ann', ...env },
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n'), stderr, pid };
}

it('becomes the program: the pid that was started, arguments as they were given', () => {
  const path = fakeNode(join(folder, 'path', 'node'), 'v24.21.0');
  const { status, lines, pid } = run(launcher, path, ['apply', 'two words', '$HOME', '']);
  assert.equal(status, 0);
  const entry = join(folder, 'app/node_modules/ldc/dist/main/ldc.js');
  assert.deepEqual(lines.slice(0, -2), [`v24.21.0 ${pid}`, entry, 'apply', 'two words', '$HOME', '']);
});

it('starts a hub and an agent as the processes of a local installation are started: with a small heap', () => {
  const path = fakeNode(join(folder, 'path', 'node'), 'v24.21.0');
  const hub = run(launcher, path, ['hub', '--port', '1']).lines;
  assert.deepEqual(hub.slice(1, 3), hubNodeOptions);
  assert.deepEqual(hub.slice(4, 7), ['hub', '--port', '1']);
  const { MALLOC_ARENA_MAX, MALLOC_TRIM_THRESHOLD_ } = hubEnvironment({});
  assert.equal(hub[7], `malloc=${MALLOC_ARENA_MAX},${MALLOC_TRIM_THRESHOLD_}`);
  const own = run(launcher, path, ['hub'], { MALLOC_ARENA_MAX: '8' }).lines;
  assert.equal(own[5], `malloc=8,${MALLOC_TRIM_THRESHOLD_}`, 'what is set stays');
  const agent = run(launcher, path, ['agent']).lines;
  assert.deepEqual(agent.slice(1, 3), agentNodeOptions.slice(1));
  assert.deepEqual(agent.slice(4, 6), ['agent', `malloc=${MALLOC_ARENA_MAX},${MALLOC_TRIM_THRESHOLD_}`]);
});

it('finds its package through any chain of links', () => {
  const path = fakeNode(join(folder, 'path', 'node'), 'v26.1.0');
  const bin = join(folder, 'app', 'node_modules', '.bin');
  mkdirSync(bin);
  symlinkSync('../ldc/bin/ldc', join(bin, 'ldc'));
  symlinkSync(join(bin, 'ldc'), join(folder, 'kubectl-ldc'));
  const entry = join(folder, 'app/node_modules/ldc/dist/main/ldc.js');
  assert.equal(run(join(bin, 'ldc'), path).lines[1], entry);
  assert.equal(run(join(folder, 'kubectl-ldc'), path).lines[1], entry);
});

it('takes a Node that was installed beside the package before an older one in PATH', () => {
  const path = fakeNode(join(folder, 'path', 'node'), 'v20.20.2');
  fakeNode(join(folder, 'app', 'node_modules', 'node', 'bin', 'node'), 'v24.0.0');
  assert.match(run(launcher, path).lines[0] ?? '', /^v24\.0\.0 /);
});

it('takes the Node in PATH when the one beside the package is older', () => {
  const path = fakeNode(join(folder, 'path', 'node'), 'v24.21.0');
  fakeNode(join(folder, 'app', 'node_modules', 'node', 'bin', 'node'), 'v18.0.0');
  assert.match(run(launcher, path).lines[0] ?? '', /^v24\.21\.0 /);
});

it('says which Node it found and what to do when none is new enough', () => {
  const path = fakeNode(join(folder, 'path', 'node'), 'v9.9.9');
  const { status, stderr } = run(launcher, path);
  assert.equal(status, 1);
  assert.match(stderr, /needs Node 24 or newer; the one in PATH is v9\.9\.9/);
  assert.match(stderr, /npm install node@24/);
});

it('runs the TypeScript of a checkout with the Node that npm ci brought, which it need not ask for its version', () => {
  const root = join(folder, 'app', 'node_modules', 'ldc');
  mkdirSync(join(root, 'src', 'main'), { recursive: true });
  writeFileSync(join(root, 'src', 'main', 'ldc.ts'), '');
  assert.match(run(launcher, fakeNode(join(folder, 'path', 'node'), 'v20.20.2')).stderr, /run 'npm ci' in /);
  fakeNode(join(root, 'node_modules', 'node', 'bin', 'node'), 'unasked');
  const { lines } = run(launcher, '/nowhere');
  assert.match(lines[0] ?? '', /^unasked /);
  assert.equal(lines[1], join(root, 'src/main/ldc.ts'));
});

it('keeps compiled code in a folder of the user, unless told otherwise', () => {
  const path = fakeNode(join(folder, 'path', 'node'), 'v24.21.0');
  assert.equal(run(launcher, path).lines.at(-1), 'cache=/home/ann/.cache/ldc/node');
  assert.equal(run(launcher, path, [], { XDG_CACHE_HOME: '/cache' }).lines.at(-1), 'cache=/cache/ldc/node');
  assert.equal(run(launcher, path, [], { NODE_COMPILE_CACHE: '/own' }).lines.at(-1), 'cache=/own');
  assert.equal(run(launcher, path, [], { HOME: '' }).lines.at(-1), 'cache=');
});
