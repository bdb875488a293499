/** The programs behind the verbs that start something. Each is loaded only when it is asked for. */
import { join } from 'node:path';
import { systemClock, systemRandom } from '../base/index.ts';
import type { HubContext, HubOptions, Io, Launchers } from '../cli/index.ts';
import type { MasterKeySource } from './hub.ts';
import { untilSignal } from './signals.ts';
import { programVersion } from './version.ts';

export interface LauncherPorts {
  readonly io: Io;
  readonly saveContext: (name: string, context: HubContext) => Promise<void>;
}

const RESTORED = (dir: string) => [
  `restored into ${dir}; its CA comes back at the next start, and a new admin.token is made`,
  `1. put the former master.key into ${dir} (or give it as LDC_MASTER_KEY…)`,
  '2. start the hub under its former name and port: it only watches, until all its agents have connected',
  '3. stop it, `ldc hub rearm --reason …`, start it: it has adopted what the agents hold',
];

const hubDir = (state: string) => join(state, 'hub');

export function launchersFor({ io, saveContext }: LauncherPorts): Launchers {
  const say = (text: string) => io.err.write(`${text}\n`);
  const logLevel = io.env.LDC_LOG_LEVEL ?? 'info';
  return {
    hub: (options) => runHub(options, io, say),
    async backup({ state, file }) {
      const { backupStore } = await import('../store/index.ts');
      await backupStore({ dir: hubDir(state), file });
      say(`wrote ${file}: all but the master key, without which it cannot be used; keep a copy of that elsewhere`);
      return 0;
    },
    async restore({ state, file }) {
      const { restoreStore } = await import('../store/index.ts');
      restoreStore({ dir: hubDir(state), file });
      for (const line of RESTORED(hubDir(state))) say(line);
      return 0;
    },
    async rearm({ state, reason }) {
      const { rearm } = await import('./rearm.ts');
      return rearm({ dir: hubDir(state), reason, masterKey: masterKeySource(state, io), say });
    },
    async agent(options) {
      const { runAgent } = await import('./agent.ts');
      return runAgent(options, say, logLevel);
    },
    async agentManifests(options) {
      const { agentManifests } = await import('../hub-agent/manifests/index.ts');
      return agentManifests(options);
    },
    async joinCluster(options) {
      const { joinBeside } = await import('./join.ts');
      return joinBeside(options, io, say);
    },
    async dev({ clusters, real, state, port, timers, kinds }) {
      const { runDev } = await import('./dev.ts');
      const { defaultTimers } = await import('../availability/index.ts');
      return runDev({
        clusters,
        real,
        stateDir: state,
        port,
        timers: { ...defaultTimers, ...timers },
        kinds,
        logLevel,
        say,
        saveContext: (context) => saveContext('dev', context),
      });
    },
    async demo({ real, keep, json }) {
      const { runDemo } = await import('./demo/demo.ts');
      return runDemo({ real, keep, json, write: (text) => io.out.write(text), say });
    },
  };
}

async function runHub(options: HubOptions, io: Io, say: (text: string) => void): Promise<number> {
  const { startHub } = await import('./hub.ts');
  const { createLogger } = await import('./logger.ts');
  const { defaultTimers } = await import('../availability/index.ts');
  const stopped = untilSignal();
  const hub = await startHub(
    {
      dir: hubDir(options.state),
      host: options.host,
      port: options.port,
      names: options.names,
      name: options.name,
      timers: { ...defaultTimers, ...options.timers },
      reachable: options.reachable,
      masterKey: masterKeySource(options.state, io),
      version: programVersion(),
    },
    { clock: systemClock, random: systemRandom, logger: createLogger(io.env.LDC_LOG_LEVEL ?? 'info') },
  );
  say(`hub ${hub.url}, agents ${hub.agentsUrl}; admin token in ${hub.adminTokenFile}`);
  await stopped;
  await hub.stop();
  return 0;
}

/** `LDC_MASTER_KEY` (base64), `LDC_MASTER_KEY_COMMAND` (prints it), else a file of mode 0600 in the state folder. */
function masterKeySource(state: string, io: Io): MasterKeySource {
  const value = io.env.LDC_MASTER_KEY;
  if (value !== undefined && value !== '') return { kind: 'value', base64: value };
  const [file, ...args] = io.env.LDC_MASTER_KEY_COMMAND?.split(' ').filter(Boolean) ?? [];
  if (file !== undefined) return { kind: 'command', command: [file, ...args] };
  return { kind: 'file', path: io.env.LDC_MASTER_KEY_FILE ?? join(hubDir(state), 'master.key') };
}
