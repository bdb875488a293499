/**
 * Hub and agents, each a process of its own, over three real control planes of two minors, measured as issue 4 asks.
 * `node bench/real.ts [STACKS] [--only MEASURE,…]` (default 200, all measures: about nine minutes); JSON on stdout, progress on
 * stderr. A measure that fails says why under `notMeasured`. Skipped, loudly, where no control plane can be built.
 *
 *   single    apply → accepted → exist → Ready → committed, 20 one after the other       measure/real/bursts.ts
 *   burst     the same for STACKS at once, sets per second, CPU seconds per set           measure/real/bursts.ts
 *   baseline  with them: the same sets by plain server-side apply, and the ratios         measure/real/bursts.ts
 *   status    a pod's readiness changes → the hub shows it, quiet and under load          measure/real/status.ts
 *   drift     an owned object is edited or deleted → it is as it was                      measure/real/drifts.ts
 *   watched   an agent's memory with 2,000 and 4,000 objects                              measure/real/watched.ts
 *   idle      API requests, memory and CPU when nothing happens for a minute              measure/real/idle.ts
 *   faults    API server, agent or network fails → its sets are elsewhere; default timers  measure/real/faults.ts
 */
import { parseArgs } from 'node:util';
import { printFigures } from './measure/figures.ts';
import { skip } from './measure/real/fleet.ts';
import { isMeasure, MEASURES, Results } from './measure/real/results.ts';
import { runAll } from './measure/real/run.ts';

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
const wanted = values.only?.split(',') ?? MEASURES;
const stacks = Number(positionals[0] ?? 200);
const unknown = wanted.filter((name) => !isMeasure(name));
if (unknown.length > 0 || !Number.isInteger(stacks) || stacks < 1) {
  console.error(
    `usage: node bench/real.ts [STACKS] [--only MEASURE,…], where a measure is one of ${MEASURES.join(', ')}`,
  );
  process.exit(2);
}
if (skip !== false) {
  console.error(`bench/real.ts: SKIPPED, nothing was measured: ${skip}`);
} else {
  const results = new Results(wanted.filter(isMeasure));
  await runAll(results, stacks);
  printFigures('real', results.figures());
}
process.exit(0);
