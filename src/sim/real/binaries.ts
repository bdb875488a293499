/** Where the programs of a control plane come from: `KUBEBUILDER_ASSETS`, or our cache, built when they are missing. */
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Clock, errorText } from '../../base/index.ts';
import { build } from './build.ts';
import { CannotBuild, type Environment } from './go.ts';
import { kubernetesTarget, kwokTarget } from './targets.ts';
import type { Binaries, ControlPlanePart, Minor } from './types.ts';

export const MINORS: readonly Minor[] = ['1.34', '1.33'];

export interface BinariesOptions {
  /** The process's variables: KUBEBUILDER_ASSETS, LDC_KUBE_CACHE, and those of Go. */
  readonly environment: Environment;
  readonly clock: Clock;
  /** Lines of progress; a build takes minutes. */
  readonly say: (line: string) => void;
}

export interface ProvidedBinaries extends Binaries {
  /** What was built for this call, and how long it took; empty when all of it was there. */
  readonly built: readonly { readonly name: string; readonly seconds: number }[];
}

/**
 * The programs of one Kubernetes minor. `KUBEBUILDER_ASSETS` comes first: then its version is what you get, whichever minor you ask for.
 * @throws CannotBuild with what is missing and what to do
 */
export async function provideBinaries(minor: Minor, options: BinariesOptions): Promise<ProvidedBinaries> {
  const { environment } = options;
  const assets = environment.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') return { ...assetsOf(assets), built: [] };
  const cache = kubeCache(environment);
  const kubernetes = kubernetesTarget(minor);
  const kwok = kwokTarget();
  // one after the other: each takes all cores and up to 2 GB
  const control = await build(kubernetes, { ...options, cache });
  const nodes = await build(kwok, { ...options, cache });
  const built = [
    { name: kubernetes.name, seconds: control.seconds },
    { name: kwok.name, seconds: nodes.seconds },
  ].flatMap(({ name, seconds }) => (seconds === undefined ? [] : [{ name, seconds }]));
  return { version: kubernetes.version, program: programsIn(control.folder, nodes.folder), built };
}

/** `LDC_KUBE_CACHE`, by default `~/.cache/ldc/kube`. May be deleted at any time: what is missing is built again. */
export function kubeCache(environment: Environment): string {
  return environment.LDC_KUBE_CACHE || join(environment.HOME || homedir(), '.cache', 'ldc', 'kube');
}

function assetsOf(folder: string): Binaries {
  const program = programsIn(folder, folder);
  try {
    const said = execFileSync(program['kube-apiserver'], ['--version'], { encoding: 'utf8' });
    return { version: said.trim().split(' ').at(-1) ?? said, program };
  } catch (error) {
    throw new CannotBuild(
      `KUBEBUILDER_ASSETS is ${folder}, and its kube-apiserver does not run: ${errorText(error)}\n  next: correct it, or unset it to have control planes built`,
    );
  }
}

function programsIn(control: string, nodes: string): { readonly [part in ControlPlanePart]: string } {
  return {
    etcd: join(control, 'etcd'),
    'kube-apiserver': join(control, 'kube-apiserver'),
    'kube-controller-manager': join(control, 'kube-controller-manager'),
    'kube-scheduler': join(control, 'kube-scheduler'),
    kwok: join(nodes, 'kwok'),
  };
}
