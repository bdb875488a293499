import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock, systemRandom } from '../base/index.ts';
import type { Io } from './io.ts';
import { processIo } from './process-io.ts';
import { readSources } from './sources.ts';

let folder: string;
let io: Io;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ldc-sources-'));
  io = { ...processIo({ env: {}, clock: systemClock, random: systemRandom }), cwd: folder };
});
after(() => rmSync(folder, { recursive: true }));

function stack(name: string, manifests: readonly string[], more: Record<string, string> = {}): void {
  const root = join(folder, name);
  const text = `apiVersion: ldc.dev/v1\nkind: Stack\nmetadata: { name: ${name} }\nspec:\n  namespace: x\n  functions:\n    - name: a\n      manifests: ${JSON.stringify(manifests)}\n`;
  for (const [path, content] of Object.entries({ 'stack.yaml': text, ...more })) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}
const filesOf = async (path: string) => Object.keys((await readSources(io, [path]))[0]?.files ?? {});

describe('readSources', () => {
  it('sends what the manifests name and nothing else', async () => {
    const files = {
      'm/a.yaml': 'a',
      'm/b.json': '{}',
      'm/notes.txt': '',
      'm/deep/c.yaml': 'c',
      'other.yaml': 'o',
      'one.yml': '1',
    };
    stack('folder', ['./m'], files);
    assert.deepEqual(await filesOf('folder'), ['m/a.yaml', 'm/b.json']);
    stack('file', ['one.yml', './m/a.yaml'], files);
    assert.deepEqual(await filesOf('file/stack.yaml'), ['m/a.yaml', 'one.yml']);
    stack('glob', ['m/**/*.yaml'], { ...files, 'm/.git/x.yaml': '', 'm/node_modules/y.yaml': '' });
    assert.deepEqual(await filesOf('glob'), ['m/a.yaml', 'm/deep/c.yaml']);
    stack('missing', ['nowhere', 'no/*.yaml'], files);
    assert.deepEqual(await filesOf('missing'), []);
  });

  it('never reads outside of the folder of the stack', async () => {
    writeFileSync(join(folder, 'secret.yaml'), 'hunter2');
    stack('climbs', ['../secret.yaml', join(folder, 'secret.yaml'), '../*.yaml']);
    assert.deepEqual(await filesOf('climbs'), []);
    stack('linked', ['m'], { 'm/a.yaml': 'a' });
    symlinkSync(join(folder, 'secret.yaml'), join(folder, 'linked/m/b.yaml'));
    await assert.rejects(filesOf('linked'), /leaves the folder/);
    stack('linkedFolder', ['n']);
    symlinkSync(join(folder, 'linked/m'), join(folder, 'linkedFolder/n'));
    await assert.rejects(filesOf('linkedFolder'), /leaves the folder/);
  });

  it('finds the stacks of a folder, by name or by kind', async () => {
    mkdirSync(join(folder, 'many'));
    for (const name of ['b', 'a'])
      writeFileSync(join(folder, 'many', `${name}.yaml`), `kind: Stack\nmetadata: { name: ${name} }\n`);
    writeFileSync(join(folder, 'many', 'c.yaml'), 'kind: Service\n');
    assert.deepEqual(
      (await readSources(io, ['many'])).map(({ path }) => path),
      ['many/a.yaml', 'many/b.yaml'],
    );
  });

  it('refuses what is too large before it is sent', async () => {
    const large = 'x'.repeat(9 * 1024 * 1024);
    stack('large', ['m'], { 'm/a.yaml': large, 'm/b.yaml': large, 'm/c.yaml': large, 'm/d.yaml': large });
    await assert.rejects(filesOf('large'), /more than 32 MiB/);
  });
});

describe('processIo', () => {
  it('writes whole files with their mode, and reads only text', async () => {
    const path = join(folder, 'new/folder/config.yaml');
    await io.files.write(path, 'secret', 0o600);
    assert.equal(await io.files.read(path), 'secret');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    writeFileSync(path, new Uint8Array([0xff, 0xfe]));
    await assert.rejects(io.files.read(path), TypeError);
    assert.equal(await io.files.kind(join(path, 'below')), undefined);
  });
});
