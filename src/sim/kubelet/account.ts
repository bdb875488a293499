import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** As whom containers run; absent: as whoever runs the kubelet. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY: Account = { uid: 65_534, gid: 65_534 };

/** Root gives containers to `nobody`, as long as that user can execute `binary`; anybody else keeps their own account. */
export function containerAccount(binary: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { status } = spawnSync(binary, ['--version'], { ...NOBODY, cwd: '/', env: {}, stdio: 'ignore' });
  return status === 0 ? NOBODY : undefined;
}

/** Whether an account can enter a folder: every folder above must let it through. */
export function canReach(folder: string, account: Account | undefined): boolean {
  if (account === undefined) return true;
  for (let path = folder; ; path = dirname(path)) {
    if (existsSync(path) && !maySearch(path, account)) return false;
    if (path === dirname(path)) return true;
  }
}

function maySearch(path: string, { uid, gid }: Account): boolean {
  const { mode, uid: owner, gid: group } = statSync(path);
  const shift = owner === uid ? 6 : group === gid ? 3 : 0;
  return ((mode >> shift) & 0o1) === 1;
}

/**
 * The folder for what containers read and write: under the state folder if the account can reach it, else a folder of
 * its own, whose path is recorded in the state folder so that the next start finds it.
 */
export function dataFolder(stateDir: string, account: Account | undefined): string {
  mkdirSync(stateDir, { recursive: true });
  const inside = join(stateDir, 'data');
  if (canReach(stateDir, account)) return openFolder(inside);
  const record = join(stateDir, 'data-folder');
  if (existsSync(record)) {
    const known = readFileSync(record, 'utf8').trim();
    if (existsSync(known)) return known;
  }
  const outside = openFolder(mkdtempSync(join(tmpdir(), 'ldc-data-')));
  writeFileSync(record, `${outside}\n`);
  return outside;
}

/** A folder that others may enter but not list. */
export function openFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o711);
  return path;
}

/** A folder that belongs to the container's account; nobody else may look in, as it may hold a Secret. */
export function ownFolder(path: string, account: Account | undefined): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}
