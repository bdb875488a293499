import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock as clock } from '../../base/index.ts';
import { build } from './build.ts';
import { CannotBuild } from './go.ts';
import { kwokTarget } from './targets.ts';
import { requireTrusted, requireTrustedPrograms } from './trusted.ts';

describe('programs of a cache', () => {
  let cache = '';
  let folder = '';
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'ldc-trusted-'));
    folder = join(cache, kwokTarget().key);
    mkdirSync(folder, { mode: 0o755 });
    writeFileSync(join(folder, 'kwok'), 'program');
    chmodSync(join(folder, 'kwok'), 0o755);
    symlinkSync('kwok', join(folder, 'link'));
  });
  afterEach(() => rmSync(cache, { recursive: true, force: true }));
  const provide = () => build(kwokTarget(), { cache, environment: {}, clock, say: () => {} });

  it('are taken where only this user writes', async () => {
    requireTrusted(cache);
    requireTrustedPrograms(folder);
    assert.deepEqual(await provide(), { folder });
  });

  it('are refused where others may write: the cache, its folder, a program', async () => {
    for (const path of [cache, folder, join(folder, 'kwok')]) {
      for (const mode of [0o777, 0o775, 0o1777]) {
        chmodSync(path, mode);
        const error = await provide().catch((thrown: unknown) => thrown);
        assert.ok(error instanceof CannotBuild, path);
        assert.ok(error.message.startsWith(`${path} may be written by others (mode `), error.message);
        assert.match(error.message, /next: .*chmod go-w .*LDC_KUBE_CACHE/);
      }
      chmodSync(path, 0o755);
    }
    assert.deepEqual(await provide(), { folder });
  });

  it('are refused when another user put them there', () => {
    const self = process.getuid?.();
    if (self === undefined) return;
    if (self === 0) chownSync(join(folder, 'kwok'), 12_345, 12_345);
    const stranger = self === 0 ? 0 : self + 1;
    assert.throws(() => requireTrustedPrograms(folder, stranger), /belongs to user \d+, and this is user \d+/);
  });
});
