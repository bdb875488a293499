/** `ldc demo`: the whole promise in about a minute, on a local installation of its own. Exit 0 only if every claim was checked and holds. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { routes } from '../../api/client/index.ts';
import { defaultTimers } from '../../availability/index.ts';
import { freePortPair } from '../../base/free-ports.ts';
import { errorText, type Json, systemClock } from '../../base/index.ts';
import { type Client, connect } from '../../kubernetes/index.ts';
import { buildMissing } from '../control-planes.ts';
import { type Installation, startInstallation } from '../installation.ts';
import { untilSignal } from '../signals.ts';
import { startProber } from './probes.ts';
import { Claims, type Screen } from './report.ts';
import { audit, comeBack, deploy, killHub, lose, undo } from './scenes.ts';
import { FUNCTIONS, type World } from './world.ts';

/** Shorter than a production's, so that the story takes a minute; said on screen. */
const TIMERS = { heartbeatMs: 500, suspectAfterMs: 1_500, lostAfterMs: 3_000, backAfterMs: 3_000 };
const CLUSTERS = 4;
/** Who asks waits a while: what takes longer than this is an outage, what a busy machine slows down is not. */
const PROBE = { everyMs: 500, timeoutMs: 2_000 };

export interface DemoOptions {
  /** How many of its clusters are real control planes. */
  readonly real: number;
  readonly keep: boolean;
  readonly json: boolean;
  readonly write: (text: string) => void;
  /** Progress that is no part of the report. */
  readonly say: (line: string) => void;
}

/** Answers the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const clock = systemClock;
  const screen: Screen = { line: (text = '') => (options.json ? undefined : options.write(`${text}\n`)) };
  const claims = new Claims(screen);
  let startedMs = clock.monotonic();
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-demo-'));
  let installation: Installation | undefined;
  let transactions: readonly Json[] = [];
  try {
    await buildMissing({ clusters: CLUSTERS, real: options.real }, options.say);
    startedMs = clock.monotonic();
    const control =
      options.real === 0
        ? `${CLUSTERS} embedded clusters`
        : `${CLUSTERS} clusters, ${options.real} of them real control planes`;
    screen.line(`ldc demo: one hub, ${control}, real processes, no containers`);
    screen.line(
      `   timers shortened: heartbeat ${TIMERS.heartbeatMs / 1000} s, lost after ${TIMERS.lostAfterMs / 1000} s, back after ${TIMERS.backAfterMs / 1000} s` +
        ` (defaults: ${defaultTimers.heartbeatMs / 1000} s, ${defaultTimers.lostAfterMs / 1000} s, ${defaultTimers.backAfterMs / 1000} s)`,
    );
    installation = await startInstallation({
      stateDir,
      clusters: CLUSTERS,
      real: options.real,
      port: await freePortPair(),
      timers: TIMERS,
      logLevel: 'info',
      clock,
    });
    screen.line(
      `   ready after ${Math.round((clock.monotonic() - startedMs) / 100) / 10} s: ${installation.clusters.map(({ name, kubernetes }) => `${name} (${kubernetes})`).join(', ')}\n`,
    );
    transactions = await tell(installation, claims, screen);
  } catch (error) {
    claims.check('the story was told to its end', false, errorText(error));
    screen.line(`   the logs are in ${join(stateDir, 'log')}`);
  }
  const report = claims.report(Math.round((clock.monotonic() - startedMs) / 100) / 10, transactions);
  if (options.json) options.write(`${JSON.stringify(report)}\n`);
  screen.line(`\n${report.ok ? 'All' : 'NOT all'} ${report.claims.length} claims hold; ${report.seconds} s.`);
  if (options.keep && installation !== undefined) return keepRunning(installation, screen, options);
  await installation?.stop();
  if (report.ok) rmSync(stateDir, { recursive: true, force: true });
  else process.stderr.write(`ldc demo: a claim failed; state and logs are kept in ${stateDir}\n`);
  return report.ok ? 0 : 1;
}

async function tell(installation: Installation, claims: Claims, screen: Screen): Promise<readonly Json[]> {
  const { clusters, client } = installation;
  const kube = new Map<string, Client>();
  for (const { name, kubeconfig } of clusters)
    kube.set(name, await connect({ kind: 'kubeconfig', text: readFileSync(kubeconfig, 'utf8') }, systemClock));
  const prober = startProber({
    targets: FUNCTIONS.flatMap((name) =>
      clusters.map(({ name: cluster, servicesUrl }) => ({
        function: name,
        cluster,
        url: `${servicesUrl}/shop/${name}/`,
      })),
    ),
    clock: systemClock,
    ...PROBE,
    get: answers,
  });
  const world: World = { installation, client, claims, screen, clock: systemClock, kube, prober: () => prober };
  try {
    await deploy(world);
    prober.restart(); // counted from the first commit on: before it nothing was promised
    await undo(world);
    await comeBack(world, await lose(world));
    await killHub(world);
    await audit(world);
    const list: Json[] = [];
    for await (const item of client.pages(routes.transactions.list)) list.push(item as unknown as Json);
    return list;
  } finally {
    await prober.stop();
    await Promise.all([...kube.values()].map((each) => each.close()));
  }
}

async function answers(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function keepRunning(installation: Installation, screen: Screen, options: DemoOptions): Promise<number> {
  const lines = [
    'It goes on running; Ctrl-C ends it.',
    `export LDC_HUB=${installation.url} LDC_TOKEN=${installation.token} LDC_CA=${installation.caFile}`,
    ...installation.clusters.map(({ name, kubeconfig }) => `${name}: kubectl --kubeconfig ${kubeconfig} get all -A`),
  ];
  if (options.json) process.stderr.write(`${lines.join('\n')}\n`);
  else for (const line of lines) screen.line(line);
  await untilSignal();
  await installation.stop();
  return 0;
}
