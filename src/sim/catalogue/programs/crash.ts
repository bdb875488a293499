/** Says why and exits 1, at once or after CRASH_AFTER_MS. A process of its own: it reads its own environment. */
import { env, exit, stderr, stdin } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

stdin.resume();
stdin.on('end', () => exit(137));
await sleep(Number(env.CRASH_AFTER_MS ?? 0));
stderr.write(`${env.NAME ?? 'crash'}: ${env.MESSAGE ?? 'this program always fails'}\n`, () => exit(1));
