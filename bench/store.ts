/**
 * Durable steps per second: SQLite, synchronous=FULL. A step is its two entries, `step.started` and `step.succeeded`, one after
 * the other, as the engine writes them; `writers` transactions are at it at once. Prints JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '../src/base/index.ts';
import { fileMasterKey, openStore } from '../src/store/index.ts';

const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'ldc-bench-'));
const store = openStore({
  dir,
  clock: systemClock,
  masterKey: fileMasterKey(join(dir, 'master.key'), systemRandom),
  random: systemRandom,
  projectors: [],
  logger: silentLogger,
  defer: (run) => setImmediate(run),
});

const seconds = Number(process.env.BENCH_SECONDS ?? 3);
const output = { kind: 'receipt', objects: 4, digest: `sha256:${'a'.repeat(64)}`, note: 'x'.repeat(120) };

async function run(writers: number) {
  const commitMs: number[] = [];
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1_000;
  let steps = 0;
  const append = async (tx: string, type: string, data: object) => {
    const fromMs = performance.now();
    await store.journal.append([{ tx, type, actor: 'hub', data: { ...data } }]);
    commitMs.push(performance.now() - fromMs);
  };
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let step = 0; performance.now() < untilMs; step++) {
        await append(`tx-${writers}-${writer}`, 'step.started', { step: `apply:f${step}@eu-1`, attempt: 1 });
        await append(`tx-${writers}-${writer}`, 'step.succeeded', { step: `apply:f${step}@eu-1`, output });
        steps++;
      }
    }),
  );
  commitMs.sort((a, b) => a - b);
  const at = (share: number) => Number((commitMs[Math.floor(commitMs.length * share)] ?? 0).toFixed(2));
  return {
    writers,
    stepsPerSecond: Math.round((steps / (performance.now() - startedMs)) * 1_000),
    appendsPerSecond: Math.round((commitMs.length / (performance.now() - startedMs)) * 1_000),
    appendP50Ms: at(0.5),
    appendP99Ms: at(0.99),
  };
}

const runs = [];
for (const writers of [1, 16, 128]) runs.push(await run(writers));
await store.close();
rmSync(dir, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify({ bench: 'store', target: '>= 2000 steps/s, p99 < 50 ms', runs })}\n`);
