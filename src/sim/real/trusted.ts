/** Whether programs of a cache may be run: nobody but this user (or root) can have put them there. */
import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { CannotBuild } from './go.ts';

const WRITABLE_BY_OTHERS = 0o022;

/**
 * A folder itself, which is about to be used or has been made.
 * @throws CannotBuild with what to do when another user owns it or may write into it
 */
export function requireTrusted(folder: string, uid = process.getuid?.()): void {
  requireOwn(folder, statSync(folder), uid);
}

/** The same, and everything in it. @throws CannotBuild */
export function requireTrustedPrograms(folder: string, uid = process.getuid?.()): void {
  requireTrusted(folder, uid);
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    // a link has no mode of its own, and those that we make lead to a program beside them, which is looked at, too
    const link = lstatSync(file);
    requireOwn(file, link.isSymbolicLink() ? statSync(file) : link, uid);
  }
}

function requireOwn(path: string, { uid: owner, mode }: Stats, uid: number | undefined): void {
  if (uid === undefined) return; // a system without such users
  if (owner !== uid && owner !== 0) {
    throw new CannotBuild(
      `${path} belongs to user ${owner}, and this is user ${uid}: its programs are not run\n  next: remove it, or set LDC_KUBE_CACHE to a folder of your own`,
    );
  }
  if ((mode & WRITABLE_BY_OTHERS) === 0) return;
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  throw new CannotBuild(
    `${path} may be written by others (mode ${octal}): its programs are not run\n  next: when you know that they are what was built here, chmod go-w '${path}'; else remove it, or set LDC_KUBE_CACHE to a folder of your own`,
  );
}
