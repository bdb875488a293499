/** What makes `npm ci` quiet and possible without python3, make and g++ (toolchain facts; docs/decisions/0001). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

const root = join(import.meta.dirname, '..');
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

it('better-sqlite3 is marked as needing no node-gyp: `npm install` drops this line, put it back by hand', () => {
  assert.equal(lock.packages['node_modules/better-sqlite3'].gypfile, false);
  assert.equal(manifest.allowScripts['better-sqlite3'], false);
});

it('every dependency is pinned to one version: a range would pick an older one under an older Node', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    assert.match(String(version), /^\d+\.\d+\.\d+/, name);
  }
});

it('the lockfile has an integrity for everything that it downloads', () => {
  for (const [path, entry] of Object.entries<{ resolved?: string; integrity?: string; link?: boolean }>(
    lock.packages,
  )) {
    if (entry.resolved?.startsWith('http')) assert.ok(entry.integrity, path);
  }
});

it('the lockfile has every optional dependency, those for other platforms too: without one `npm ci` refuses the lockfile', () => {
  for (const [path, entry] of Object.entries<{ optionalDependencies?: Record<string, string> }>(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      const places = [`${path}/node_modules/${name}`, `node_modules/${name}`];
      assert.ok(
        places.some((place) => lock.packages[place]?.version !== undefined),
        `${name}, of ${path}`,
      );
    }
  }
});

it('engines are not strict: npm ci must pass under the older Node that a machine may have', () => {
  assert.doesNotMatch(readFileSync(join(root, '.npmrc'), 'utf8'), /engine-strict/);
});
