/** What an agent's process loads: each library that it does not need costs it megabytes in every cluster. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

const root = join(import.meta.dirname, '..');

/** Prints the packages and the folders of ours that `ldc agent` loads up to its first request, kubeconfig read. */
const SCRIPT = `
import { registerHooks } from 'node:module';
const loaded = new Set();
registerHooks({
  load(url, context, next) {
    const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1] ?? /\\/src\\/([^/]+(?:\\/hub(?=\\/))?)/.exec(url)?.[1];
    if (name !== undefined) loaded.add(name);
    return next(url, context);
  },
});
await import('./src/main/agent.ts');
const { connect } = await import('./src/kubernetes/index.ts');
const { systemClock } = await import('./src/base/index.ts');
const text = JSON.stringify({
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: { token: 't' } }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'x',
});
const client = await connect({ kind: 'kubeconfig', text }, systemClock);
await client.request({ method: 'GET', path: '/version' });
await client.close();
console.log(JSON.stringify([...loaded].sort()));
process.exit(0);
`;

it('an agent loads neither the hub nor a library that it has no use for', () => {
  const ran = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', SCRIPT],
    { cwd: root, encoding: 'utf8' },
  );
  assert.equal(ran.status, 0, ran.stderr);
  const loaded = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '[]') as string[];
  const pino =
    /^(pino.*|@pinojs.*|atomic-sleep|on-exit-leak-free|quick-format-unescaped|safe-stable-stringify|sonic-boom|thread-stream)$/;
  assert.deepEqual(
    loaded.filter((name) => !pino.test(name)),
    // the library for certificates comes with an enrolment or a renewal, client-node with a plugin or a proxy
    ['@marcbachmann/cel-js', 'base', 'hub-agent', 'kubernetes', 'main', 'protocol', 'undici', 'ws', 'yaml', 'zod'],
  );
});
