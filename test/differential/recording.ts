/**
 * What a real server answered to the scripts, kept for where none can be built. `node test/differential/recording.ts
 * KUBECONFIG [SCRIPT…]` writes it, or these scripts of it, anew (etcd and kube-apiserver of the newest minor, no controllers).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { targetOf } from './exchange.ts';
import { runName } from './judge.ts';
import { play } from './play.ts';
import { SCRIPTS } from './scripts/index.ts';
import type { Answer } from './types.ts';

/** The minor that was recorded. */
export const RECORDED_MINOR = '1.34';

export interface Recorded {
  readonly step: string;
  readonly answer: Answer;
}
export type Recording = { readonly [script: string]: readonly Recorded[] };

const FILE = new URL(`./recorded/${RECORDED_MINOR}.json.gz`, import.meta.url);

export function readRecording(): Recording {
  return JSON.parse(gunzipSync(readFileSync(FILE)).toString('utf8')) as Recording;
}

async function record(kubeconfig: string, only: readonly string[]): Promise<void> {
  const target = targetOf(readFileSync(kubeconfig, 'utf8'));
  const run = runName();
  const recording: { [script: string]: readonly Recorded[] } = only.length === 0 ? {} : { ...readRecording() };
  for (const script of SCRIPTS) {
    if (only.length > 0 && !only.includes(script.name)) continue;
    const played = await play(target, run, script);
    recording[script.name] = played.map(({ step, answer }) => ({ step: step.name, answer }));
  }
  writeFileSync(FILE, gzipSync(JSON.stringify(recording), { level: 9 }));
}

if (process.argv[1] === import.meta.filename) await record(process.argv[2] ?? '', process.argv.slice(3));
