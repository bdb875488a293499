import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../../base/index.ts';
import { lookUpImage } from '../catalogue/index.ts';
import type { Container, Happening, Pod } from '../kinds/index.ts';
import { ownFolder } from './account.ts';
import { type ContainerRun, fieldPathOf } from './container-run.ts';
import { environmentOf, expand, hostnameOf, type PodFacts } from './environment.ts';
import type { Host } from './host.ts';
import { LogFile, logFile, logFolder } from './log-file.ts';
import { fetchReferences } from './references.ts';
import { outcomeOf, simulate } from './simulated.ts';
import { makeVolumes, mountRewriter } from './volumes.ts';

/** Attempts kept: the present one and the one that `kubectl logs --previous` shows. */
const ATTEMPTS_KEPT = 2;
const CONFIG_RETRY_MS = 1_000;
const PULL_RETRY_MS = 10_000;

/** Starts the containers of one pod, really or simulated. */
export interface Launch {
  isReal(container: Container): boolean;
  takeAddress(): Promise<string>;
  releaseAddress(address: string): void;
  /** Starts one attempt, or leaves the container waiting with the reason why not. */
  start(run: ContainerRun, podIp: string): Promise<void>;
  /** Removes the pod's volumes, working folders and logs. */
  clean(): void;
}

export function launch(pod: Pod, host: Host): Launch {
  const folder = join(host.podsDir, pod.metadata.uid ?? pod.metadata.name);
  const isReal = ({ image }: Container) => lookUpImage(image).kind === 'catalogue';
  const record = (container: Container, type: Happening['type'], reason: string, message: string) =>
    host.record(pod, { type, reason, message, fieldPath: fieldPathOf(pod, container.name) });
  return {
    isReal,
    takeAddress: () => {
      const real = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some(isReal);
      return real ? host.addresses.take() : Promise.resolve(host.addresses.simulated());
    },
    releaseAddress: (address) => host.addresses.release(address),
    async start(run, podIp) {
      const { container } = run;
      if (refusePull(pod, run, record)) return;
      const facts = { podIp, hostIp: host.hostIp };
      try {
        if (isReal(container)) await startProcess(pod, host, folder, run, facts);
        else startSimulation(pod, host, run, podIp);
      } catch (error) {
        const [reason, message] =
          error instanceof ConfigError ? [error.reason, error.message] : ['RunContainerError', errorText(error)];
        record(container, 'Warning', reason === 'FailedMount' ? 'FailedMount' : 'Failed', `Error: ${message}`);
        run.wait(
          reason === 'FailedMount' ? 'ContainerCreating' : reason,
          reason === 'FailedMount' ? '' : message,
          CONFIG_RETRY_MS,
        );
        return;
      }
      record(container, 'Normal', 'Pulled', `Container image "${container.image}" already present on machine`);
      record(container, 'Normal', 'Created', `Created container: ${container.name}`);
      record(container, 'Normal', 'Started', `Started container ${container.name}`);
    },
    clean() {
      rmSync(folder, { recursive: true, force: true });
      rmSync(logFolder(host.logsDir, pod), { recursive: true, force: true });
    },
  };
}

class ConfigError extends Error {
  readonly reason: 'CreateContainerConfigError' | 'FailedMount';
  constructor(reason: ConfigError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

type Record = (container: Container, type: Happening['type'], reason: string, message: string) => void;

/** An image that nobody has, or a pod that is told to fare so: ErrImagePull, then ImagePullBackOff. */
function refusePull(pod: Pod, run: ContainerRun, record: Record): boolean {
  const { container } = run;
  const { image } = container;
  const lookup = lookUpImage(image);
  const told = lookup.kind === 'foreign' && outcomeOf(pod) === 'pullError';
  if (lookup.kind !== 'missing' && !told) return false;
  const why = `failed to resolve reference "${image}": ${image}: not found`;
  record(container, 'Normal', 'Pulling', `Pulling image "${image}"`);
  record(container, 'Warning', 'Failed', `Failed to pull image "${image}": ${why}`);
  const waited = run.view().state.waiting?.reason;
  if (waited === 'ErrImagePull' || waited === 'ImagePullBackOff') {
    record(container, 'Normal', 'BackOff', `Back-off pulling image "${image}"`);
    record(container, 'Warning', 'Failed', 'Error: ImagePullBackOff');
    run.wait('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${why}`, PULL_RETRY_MS);
  } else {
    record(container, 'Warning', 'Failed', 'Error: ErrImagePull');
    run.wait('ErrImagePull', why, CONFIG_RETRY_MS);
  }
  return true;
}

function startSimulation(pod: Pod, host: Host, run: ContainerRun, podIp: string): void {
  const init = pod.spec.initContainers?.includes(run.container) === true && run.container.restartPolicy !== 'Always';
  run.begin(
    simulate(pod, `${pod.metadata.uid}/${run.container.name}/${run.attempt}`, init, host.clock),
    undefined,
    podIp,
  );
}

async function startProcess(pod: Pod, host: Host, folder: string, run: ContainerRun, facts: PodFacts): Promise<void> {
  const { container, attempt } = run;
  const lookup = lookUpImage(container.image);
  if (lookup.kind !== 'catalogue') return;
  const references = await fetchReferences(host.client, pod);
  const environment = environmentOf(pod, container, references, facts);
  if (environment.kind === 'missing') throw new ConfigError('CreateContainerConfigError', environment.message);
  const folders = volumesOf(pod, host, folder, references, facts);
  const rewrite = mountRewriter(container, folders);
  const given = Object.fromEntries(Object.entries(environment.env).map(([name, value]) => [name, rewrite(value)]));
  const cwd = join(folder, 'work', container.name);
  ownFolder(join(folder, 'work'), host.account);
  ownFolder(cwd, host.account);
  const words = (list: readonly string[] | undefined) =>
    (list ?? []).map((word) => rewrite(expand(word, environment.env)));
  const command = words(container.command);
  const spec = {
    key: `${pod.metadata.uid}_${container.name}`,
    program:
      command.length === 0
        ? ({ kind: 'catalogue', name: lookup.image.program } as const)
        : ({ kind: 'command' } as const),
    command: [...command, ...words(container.args)],
    env: { ...host.env, ...lookup.image.env, HOSTNAME: hostnameOf(pod), ...given, POD_IP: facts.podIp },
    cwd,
    logFile: logFile(host.logsDir, pod, container.name, attempt),
  };
  rmSync(logFile(host.logsDir, pod, container.name, attempt - ATTEMPTS_KEPT), { force: true });
  const log = new LogFile(spec.logFile, host.clock);
  run.begin(host.processes.start(spec, log), log, facts.podIp);
}

function volumesOf(
  pod: Pod,
  host: Host,
  folder: string,
  references: Awaited<ReturnType<typeof fetchReferences>>,
  facts: PodFacts,
): ReadonlyMap<string, string> {
  const claim = (name: string) => {
    const volume = references.volumeOf(name);
    return volume === undefined ? undefined : host.claimFolder?.(volume);
  };
  try {
    ownFolder(folder, host.account);
    ownFolder(join(folder, 'volumes'), host.account);
    return makeVolumes(pod, join(folder, 'volumes'), host.account, { ...references, claim }, facts);
  } catch (error) {
    throw new ConfigError('FailedMount', `MountVolume.SetUp failed: ${errorText(error)}`);
  }
}
