/** The Go tool: whether it is there, new enough, and what it says when it cannot build. */
import { execFile, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { errorText } from '../../base/index.ts';
import type { Program, Target } from './targets.ts';

export type Environment = { readonly [name: string]: string | undefined };

/** Real control planes cannot be built here; the message says why and what to do. */
export class CannotBuild extends Error {
  override readonly name = 'CannotBuild';
}

const INSTEAD =
  'or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, kube-controller-manager, kube-scheduler, etcd and kwok';

/** The Go release in PATH, such as `1.26.8`. @throws CannotBuild when there is none */
export function goVersion(environment: Environment): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('go', ['env', 'GOVERSION'], { env: goEnvironment(environment) }, (error, output) => {
      const version = /^go(\d+\.\d+\S*)/.exec(output)?.[1];
      if (error === null && version !== undefined) return resolve(version);
      const why = error === null || 'code' in error ? 'there is no Go in PATH' : `go does not run: ${errorText(error)}`;
      reject(
        new CannotBuild(
          `real control planes are built with Go, and ${why}\n  next: install Go 1.26 or newer, ${INSTEAD}`,
        ),
      );
    });
  });
}

/** @throws CannotBuild when this Go is older than what the target needs */
export function requireGo(version: string, target: Target): void {
  const numbers = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10));
  const [major = 0, minor = 0] = numbers(version);
  const [needMajor = 0, needMinor = 0] = numbers(target.go);
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new CannotBuild(
    `${target.name} needs Go ${target.go} or newer to be built, and the one in PATH is ${version}\n  next: install a newer Go, ${INSTEAD}`,
  );
}

/**
 * Builds one program into `output`; `onPackage` is called for each package that had to be compiled.
 * @throws CannotBuild with the likely reason and the end of what Go said
 */
export function goBuild(
  { name, moduleFile }: Target,
  program: Program,
  options: {
    readonly sources: string;
    readonly output: string;
    readonly environment: Environment;
    readonly onPackage: () => void;
  },
): Promise<void> {
  const args = ['build', '-v', '-p', String(availableParallelism()), '-modfile', moduleFile, ...program.flags];
  const child = spawn('go', [...args, '-o', join(options.output, program.file), program.package], {
    cwd: options.sources,
    env: goEnvironment(options.environment),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) if (/^[\w.-]+(\/[\w.@-]+)*$/.test(line)) options.onPackage();
    said = `${said}${text}`.slice(-20_000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new CannotBuild(`go build of ${name} did not run: ${errorText(error)}`)));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(new CannotBuild(`${name}: ${program.file} was not built: ${reasonOf(said, signal)}\n${endOf(said)}`));
    });
  });
}

/** Ours decides, not what a user has set for other modules. */
function goEnvironment(environment: Environment): NodeJS.ProcessEnv {
  return { ...environment, GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-trimpath -mod=readonly' };
}

/** What a person can do something about, recognised in Go's own words. */
function reasonOf(said: string, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `go was ended by ${signal} (out of memory? it takes 2 GB)`;
  if (/no space left on device/.test(said)) {
    return 'the disk is full\n  next: free 6 GB where `go env GOCACHE GOMODCACHE` and TMPDIR point to';
  }
  if (
    /dial tcp|no such host|i\/o timeout|TLS handshake|proxyconnect|connection refused|module lookup disabled/.test(said)
  ) {
    return 'its modules could not be downloaded\n  next: check the network and `go env GOPROXY`; once built, nothing is downloaded again';
  }
  if (/cannot allocate memory|signal: killed/.test(said)) return 'not enough memory (the linker takes 2 GB)';
  return 'go build failed';
}

function endOf(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !/^[\w.-]+(\/[\w.@-]+)*$/.test(line));
  return lines
    .slice(-8)
    .map((line) => `  ${line}`)
    .join('\n');
}
