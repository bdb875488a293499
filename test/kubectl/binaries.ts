/** Which kubectls this machine has. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Kubectl } from './types.ts';

/** The minors that the matrix is about; what is newer and at hand is taken too. */
export const WANTED: readonly number[] = [27, 28, 29, 30, 31, 32, 33];
const NEWER: readonly number[] = [34, 35, 36, 37];
const FOLDERS = ['/usr/lib/google-cloud-sdk/bin', ...(process.env.PATH ?? '').split(':')];

/** Oldest first. A plain `kubectl` in PATH counts only where no versioned one is: it may be a dispatcher (`anchors/real-kube.md` 6.1). */
export function findKubectls(): readonly Kubectl[] {
  const versioned = [...WANTED, ...NEWER].flatMap((minor) => {
    const path = FOLDERS.map((folder) => join(folder, `kubectl.1.${minor}`)).find((file) => existsSync(file));
    return path === undefined ? [] : [{ path, minor }];
  });
  if (versioned.length > 0) return versioned;
  const path = FOLDERS.map((folder) => join(folder, 'kubectl')).find((file) => existsSync(file));
  if (path === undefined) return [];
  const text = execFileSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8', timeout: 30_000 });
  const { clientVersion } = JSON.parse(text) as { clientVersion: { minor: string } };
  return [{ path, minor: Number.parseInt(clientVersion.minor, 10) }];
}

/** The minors of `WANTED` that are not at hand, for a loud word. */
export function missingMinors(found: readonly Kubectl[]): readonly number[] {
  return WANTED.filter((minor) => !found.some((one) => one.minor === minor));
}
