import { isAbsolute, join, resolve } from 'node:path';
import { isObject, type Json } from '../base/index.ts';
import { exit, Failure, usage } from './failure.ts';
import type { Io } from './io.ts';

/** A hub that the CLI knows by name. */
export interface HubContext {
  readonly hub: string;
  readonly token: string;
  /** Path of the hub's CA (PEM). */
  readonly ca?: string;
}

export interface ContextFile {
  readonly current: string | null;
  readonly contexts: { readonly [name: string]: HubContext };
}

type FileIo = Pick<Io, 'env' | 'home' | 'cwd' | 'files'>;

/** `LDC_CONFIG`, else `~/.config/ldc/config.yaml`. */
export function contextPath({ env, home, cwd }: Pick<Io, 'env' | 'home' | 'cwd'>): string {
  const given = env.LDC_CONFIG;
  if (given !== undefined && given !== '') return isAbsolute(given) ? given : resolve(cwd, given);
  return join(env.XDG_CONFIG_HOME || join(home, '.config'), 'ldc', 'config.yaml');
}

/** Empty when there is none. @throws Failure when it cannot be understood. */
export async function readContexts(io: FileIo): Promise<ContextFile> {
  const path = contextPath(io);
  if ((await io.files.kind(path)) === undefined) return { current: null, contexts: {} };
  const { parse } = await import('yaml');
  const text = await io.files.read(path);
  let value: Json;
  try {
    value = parse(text, { maxAliasCount: 0 }) as Json;
  } catch {
    throw unreadable(path, 'it is not YAML');
  }
  if (!isObject(value)) throw unreadable(path, 'it holds no contexts');
  const contexts: Record<string, HubContext> = {};
  for (const [name, one] of Object.entries(isObject(value.contexts) ? value.contexts : {})) {
    if (!isObject(one) || typeof one.hub !== 'string' || typeof one.token !== 'string')
      throw unreadable(path, `context ${name} needs hub and token`);
    contexts[name] = { hub: one.hub, token: one.token, ...(typeof one.ca === 'string' ? { ca: one.ca } : {}) };
  }
  return { current: typeof value.current === 'string' ? value.current : null, contexts };
}

/** Adds or replaces a context and makes it the current one; the file is readable by its owner only. */
export async function saveContext(io: FileIo, name: string, context: HubContext): Promise<void> {
  const { contexts } = await readContexts(io);
  await write(io, { current: name, contexts: { ...contexts, [name]: context } });
}

/** @throws Failure when there is no such context. */
export async function useContext(io: FileIo, name: string): Promise<void> {
  const { contexts } = await readContexts(io);
  if (contexts[name] === undefined) throw noContext(name, contexts);
  await write(io, { current: name, contexts });
}

/** The named context, or the current one; undefined when there is none and none was named. */
export async function findContext(io: FileIo, name: string | undefined): Promise<HubContext | undefined> {
  const { current, contexts } = await readContexts(io);
  const wanted = name ?? current ?? undefined;
  if (wanted === undefined) return undefined;
  const found = contexts[wanted];
  if (found === undefined) throw noContext(wanted, contexts);
  return found;
}

async function write(io: FileIo, file: ContextFile): Promise<void> {
  const { stringify } = await import('yaml');
  await io.files.write(contextPath(io), stringify(file), 0o600);
}

function noContext(name: string, contexts: ContextFile['contexts']): Failure {
  const known = Object.keys(contexts).join(', ');
  return usage(`there is no context ${name}`, known === '' ? '`ldc dev` makes one' : `there is: ${known}`);
}

function unreadable(path: string, why: string): Failure {
  return new Failure(exit.usage, `the context file cannot be used: ${why}`, { where: path, hint: 'mend or remove it' });
}
