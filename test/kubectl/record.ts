/**
 * Writes `expected/` anew: `record.ts KUBECONFIG [SCENARIO…]`, the kubeconfig being an administrator's of a real control
 * plane. What the newest kubectl prints there is the ordinary section; older ones and the embedded cluster get sections of
 * their own where they differ, each of which then needs its reason in `reasons.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { findKubectls } from './binaries.ts';
import { startEmbedded } from './embedded.ts';
import { type Sight, sectionsOf } from './recording.ts';
import { runScenario } from './run.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { show, type Transcript, transcriptPath, transcriptText } from './transcript.ts';
import type { Kubectl, Place, Scenario } from './types.ts';

const AT_ONCE = 4;

async function record(scenario: Scenario, kubectls: readonly Kubectl[], configs: Configs): Promise<Transcript> {
  const servers = scenario.embeddedOnly === undefined ? (['real', 'embedded'] as const) : (['embedded'] as const);
  const sights: Sight[] = [];
  for (const server of servers) {
    for (const kubectl of kubectls) {
      for (const printed of await runScenario(scenario, kubectl, configs[server])) {
        sights.push({ step: printed.step, server, minor: kubectl.minor, text: show(printed) });
      }
    }
  }
  return sectionsOf(sights);
}

type Configs = { readonly [server in Place['server']]: string };

const [config = '', ...names] = process.argv.slice(2);
const newestFirst = [...findKubectls()].reverse();
const embedded = await startEmbedded();
const configs = { real: readFileSync(config, 'utf8'), embedded: embedded.kubeconfig };
const queue = SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name));
const work = async () => {
  for (let scenario = queue.shift(); scenario !== undefined; scenario = queue.shift()) {
    try {
      const sections = await record(scenario, newestFirst, configs);
      writeFileSync(transcriptPath(scenario.name), transcriptText(sections));
      const variants = [...sections].flatMap(([step, found]) =>
        [...found.keys()].filter((variant) => variant !== '').map((variant) => `${variant}: ${step}`),
      );
      process.stdout.write(`${scenario.name}: ${sections.size} steps\n${variants.map((one) => `  ${one}\n`).join('')}`);
    } catch (error) {
      process.stdout.write(`${scenario.name}: NOT RECORDED: ${String(error)}\n`);
    }
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, work));
await embedded.close();
