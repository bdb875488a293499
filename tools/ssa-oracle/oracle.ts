/** Building and asking the oracles. Node only; nothing of ldc depends on it but tests. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/base/index.ts';
import type { Sequence } from './sequences.ts';

const here = import.meta.dirname;
const KUBERNETES = 'k8s.io/kubernetes@v1.34.10';
const GO = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' };

function go(args: readonly string[], cwd: string): SpawnSyncReturns<string> {
  return spawnSync('go', args, { cwd, env: GO, encoding: 'utf8', timeout: 300_000 });
}

export interface Oracle {
  /** What Go's field manager answers to each sequence: `{steps: […]}`. */
  ask(sequences: readonly Sequence[]): JsonObject[];
}

/** Builds the oracle (Go keeps what it built), or says why it cannot be built here. */
export function buildOracle(): Oracle | { readonly missing: string } {
  if (go(['version'], here).status !== 0) return { missing: 'Go is not installed' };
  const download = go(['mod', 'download', '-json', KUBERNETES], here);
  if (download.status !== 0) return { missing: `${KUBERNETES} cannot be downloaded` };
  const folder = join(here, '../../.cache');
  mkdirSync(folder, { recursive: true });
  const binary = join(folder, 'ssa-oracle');
  const built = go(['build', '-o', binary, '.'], here);
  if (built.status !== 0) return { missing: `the oracle cannot be built: ${built.stderr.slice(0, 300)}` };
  const openApi = join((JSON.parse(download.stdout) as { Dir: string }).Dir, 'api/openapi-spec/v3');
  return {
    ask(sequences) {
      const input = `${sequences.map((sequence) => JSON.stringify(sequence)).join('\n')}\n`;
      const run = spawnSync(binary, [openApi], { input, encoding: 'utf8', maxBuffer: 2 ** 30 });
      if (run.status !== 0) throw new Error(run.stderr);
      return run.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as JsonObject);
    },
  };
}
