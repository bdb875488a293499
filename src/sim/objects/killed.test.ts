import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openChangeFile } from './change-file.ts';
import { ObjectStore } from './store.ts';

/** Writes without end and says each revision only after the store has taken it. */
const WRITER = `
  const { ObjectStore, openChangeFile } = await import(process.argv[1]);
  const store = new ObjectStore({ file: openChangeFile(process.argv[2]) });
  for (let i = 0; ; i++) {
    const metadata = { name: 'a' + (i % 50), namespace: 'n' };
    const stored = store.put('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { i: String(i) } });
    process.stdout.write(stored.metadata.resourceVersion + '\\n');
    if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
`;

test('kill -9 in the middle of writing loses nothing that was said to be stored', { timeout: 20_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-killed-'));
  try {
    const path = join(dir, 'objects');
    const index = new URL('./index.ts', import.meta.url).href;
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, index, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      said = Number(line);
      if (said === 3_000) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    assert.ok(said >= 3_000);
    const store = new ObjectStore({ file: openChangeFile(path) });
    assert.ok(store.revision >= said, `said ${said}, found ${store.revision}`);
    assert.equal(store.count('configmaps'), 50);
    const newest = store.list('configmaps').map(({ metadata }) => Number(metadata.resourceVersion));
    assert.equal(Math.max(...newest), store.revision);
    store.close();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
