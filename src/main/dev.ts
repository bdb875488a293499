/** `ldc dev`: a local installation that goes on until it is told to stop, and mends itself when a part of it dies. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { defaultTimers, type HealthTimers } from '../availability/index.ts';
import { errorText, systemClock } from '../base/index.ts';
import { buildMissing, type ClusterCounts } from './control-planes.ts';
import {
  AlreadyRunning,
  type Installation,
  type InstallationOptions,
  StoppedEarly,
  startInstallation,
  writeAtomically,
} from './installation.ts';
import { untilSignal } from './signals.ts';

export interface DevOptions extends ClusterCounts {
  readonly stateDir: string;
  readonly port: number;
  readonly timers?: HealthTimers;
  readonly kinds?: InstallationOptions['kinds'];
  readonly logLevel: string;
  readonly say: (text: string) => void;
  /** Keeps the CLI context `dev`. */
  readonly saveContext: (context: { hub: string; token: string; ca: string }) => Promise<void>;
}

/** Exit code 0 after SIGTERM or SIGINT, 1 when it could not start, 5 when another one holds the state. */
export async function runDev(options: DevOptions): Promise<number> {
  const { say, stateDir } = options;
  try {
    await buildMissing(options, say); // Ctrl-C ends it: nothing of ours runs yet
  } catch (error) {
    say(`error: ${errorText(error)}`);
    return 1;
  }
  const stopping = new AbortController();
  const stopped = untilSignal().then(() => stopping.abort());
  let installation: Installation;
  try {
    installation = await startInstallation({
      clock: systemClock,
      stateDir,
      clusters: options.clusters,
      real: options.real ?? 0,
      port: options.port,
      timers: options.timers ?? defaultTimers,
      logLevel: options.logLevel,
      signal: stopping.signal,
      ...(options.kinds === undefined ? {} : { kinds: options.kinds }),
    });
  } catch (error) {
    if (error instanceof StoppedEarly) {
      say('stopped before it was ready; the state stays');
      return 0;
    }
    say(`error: ${errorText(error)}`);
    return error instanceof AlreadyRunning ? 5 : 1;
  }
  const file = join(installation.stateDir, 'dev.json');
  installation.onPartEnded((part, detail) => {
    say(`ldc dev: the ${part} ended (${detail}); starting it again`);
    void installation
      .restart(part)
      .catch((error) =>
        say(`ldc dev: the ${part} does not start: ${errorText(error)}; see ${installation.stateDir}/log`),
      );
  });
  const { url, token, caFile, clusters } = installation;
  await options.saveContext({ hub: url, token, ca: caFile });
  for (const { name, kubernetes, kubeconfig } of clusters)
    say(`${name.padEnd(8)} ${kubernetes.padEnd(8)} kubectl --kubeconfig ${kubeconfig} get all -A`);
  say(
    `hub      ${url}   (context "dev" of the CLI, or: export LDC_HUB=${url} LDC_TOKEN=$(jq -r .token ${file}) LDC_CA=${caFile})`,
  );
  writeAtomically(
    file,
    `${JSON.stringify({ hub: url, token, ca: caFile, clusters: clusters.map(({ name, labels, kubeconfig }) => ({ name, labels, kubeconfig })) }, null, 2)}\n`,
  );
  say('ready; Ctrl-C stops it, the state stays');
  await stopped;
  say('stopping');
  rmSync(file, { force: true });
  await installation.stop();
  return 0;
}
