/** Does a small piece of work and ends: exit 0, or 1 with FAIL=1. DURATION_MS says how long it works. A process of its own. */
import { createHash } from 'node:crypto';
import process, { env, exit, stdin, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

stdin.resume();
stdin.on('end', () => exit(137));
process.on('SIGTERM', () => exit(143));
const name = env.NAME ?? 'job';
stdout.write(`${name} ${env.VERSION ?? ''} starts\n`);
await sleep(Number(env.DURATION_MS ?? 50));
const sum = createHash('sha256')
  .update(env.INPUT ?? name)
  .digest('hex');
const failed = env.FAIL === '1';
stdout.write(failed ? `${name} fails as told (FAIL=1)\n` : `${name} done: ${sum}\n`, () => exit(failed ? 1 : 0));
