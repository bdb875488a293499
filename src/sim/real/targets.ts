/** What `tools/kube` is built into: for each target its module file, its programs and the key under which the result is kept. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../base/index.ts';
import type { ControlPlanePart, Minor } from './types.ts';

/** The Go module in this checkout or package. */
export const KUBE_SOURCES = join(import.meta.dirname, '..', '..', '..', 'tools', 'kube');

export interface Program {
  readonly file: string;
  /** What Go builds: a folder of the module or a package that its module file names as a tool. */
  readonly package: string;
  readonly flags: readonly string[];
}

/** One folder of the cache. */
export interface Target {
  /** Such as `kubernetes v1.34.10`. */
  readonly name: string;
  /** Such as `v1.34.10`. */
  readonly version: string;
  readonly moduleFile: string;
  /** Lowest Go that builds it, such as `1.24`. */
  readonly go: string;
  readonly programs: readonly Program[];
  /** Names under which the program `kube` is called as well. */
  readonly links: readonly ControlPlanePart[];
  /** Folder name in the cache: changes with everything that the result depends on. */
  readonly key: string;
}

const MODULE_FILES: { readonly [minor in Minor]: string } = { '1.34': 'go.mod', '1.33': 'go-1.33.mod' };

/** kube-apiserver, kube-controller-manager, kube-scheduler in one program, and etcd in another. */
export function kubernetesTarget(minor: Minor, sources = KUBE_SOURCES): Target {
  const moduleFile = MODULE_FILES[minor];
  const version = requiredVersion(sources, moduleFile, 'k8s.io/kubernetes');
  const programs = [
    {
      file: 'kube',
      package: './cmd/kube',
      // without these /version says v0.0.0-master, and clients that read it misbehave; grpcnotrace keeps dead code out
      flags: ['-tags', 'selinux,notest,grpcnotrace', '-ldflags', `-s -w ${versionVariables(version, minor)}`],
    },
    { file: 'etcd', package: './cmd/etcd', flags: ['-tags', 'grpcnotrace', '-ldflags', '-s -w'] },
  ];
  const links = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
  const name = `kubernetes ${version}`;
  return withKey({ name, version, moduleFile, go: '1.24', programs, links }, sources, 'kubernetes');
}

/** KWOK, which plays nodes and their pods; the same for every Kubernetes version. */
export function kwokTarget(sources = KUBE_SOURCES): Target {
  const moduleFile = 'kwok.mod';
  const version = requiredVersion(sources, moduleFile, 'sigs.k8s.io/kwok');
  const programs = [{ file: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', flags: ['-ldflags', '-s -w'] }];
  return withKey({ name: `kwok ${version}`, version, moduleFile, go: '1.26', programs, links: [] }, sources, 'kwok');
}

function versionVariables(version: string, minor: Minor): string {
  const values = {
    gitVersion: version,
    gitMajor: '1',
    gitMinor: minor.slice('1.'.length),
    gitCommit: 'unknown',
    gitTreeState: 'clean',
    buildDate: '2026-01-01T00:00:00Z', // fixed: the same sources give the same program
  };
  return Object.entries(values)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}

function requiredVersion(sources: string, moduleFile: string, module: string): string {
  const text = readFileSync(join(sources, moduleFile), 'utf8');
  const version = text.match(new RegExp(`^\\s*(?:require )?${module.replaceAll('.', '\\.')} (v\\S+)`, 'm'))?.[1];
  if (version === undefined) throw new Error(`${join(sources, moduleFile)} requires no ${module}`);
  return version;
}

function withKey(target: Omit<Target, 'key'>, sources: string, product: string): Target {
  const files = [target.moduleFile, target.moduleFile.replace(/\.mod$/, '.sum')];
  const folders = target.programs.filter((program) => program.package.startsWith('./'));
  const goFiles = folders.flatMap((program) => {
    const folder = program.package.slice('./'.length);
    return readdirSync(join(sources, folder))
      .filter((file) => file.endsWith('.go'))
      .sort()
      .map((file) => join(folder, file));
  });
  const contents = [...files, ...goFiles].map((file) => [file, readFileSync(join(sources, file), 'utf8')]);
  const digest = sha256Hex(JSON.stringify([target.programs, contents, process.platform, process.arch]));
  return { ...target, key: `${product}-${target.version}-${digest.slice(0, 12)}` };
}
