import { resolve } from 'node:path';
import type { Connection, HubClient } from '../api/client/index.ts';
import type { Cli, HubFlags } from './cli.ts';
import { findContext } from './context-file.ts';
import { exit, Failure, usage } from './failure.ts';
import type { Io } from './io.ts';

/**
 * Which hub, with which token: flags, then LDC_HUB/LDC_TOKEN/LDC_CA, then the context file. A context's token goes to
 * that context's hub only, never to one that was named otherwise.
 */
export async function findHub(io: Io, flags: HubFlags): Promise<Connection> {
  const { env } = io;
  const named = flags.hub ?? (flags.context === undefined ? nonEmpty(env.LDC_HUB) : undefined);
  const context = named === undefined ? await findContext(io, flags.context) : undefined;
  const hub = named ?? context?.hub;
  if (hub === undefined) throw noHub();
  const fromEnv = flags.context === undefined ? nonEmpty(env.LDC_TOKEN) : undefined;
  const token = flags.token ?? fromEnv ?? context?.token;
  if (token === undefined)
    throw usage(
      `there is no token for ${hub}`,
      'give one by --token or LDC_TOKEN, or use a context (`ldc context list`)',
    );
  checkUrl(hub);
  const caFile = flags.ca ?? (flags.context === undefined ? nonEmpty(env.LDC_CA) : undefined) ?? context?.ca;
  if (caFile === undefined) return { hub, token };
  return { hub, token, ca: await io.files.read(resolve(io.cwd, caFile)) };
}

/** Runs a verb's work with a client of its hub, which is closed in any case. */
export async function withClient<T>(
  { io }: Cli,
  flags: HubFlags,
  work: (client: HubClient, api: typeof import('../api/client/index.ts')) => Promise<T>,
): Promise<T> {
  const connection = await findHub(io, flags);
  const api = await import('../api/client/index.ts');
  const client = api.createClient(connection, { clock: io.clock, random: io.random });
  try {
    return await work(client, api);
  } finally {
    await client.close();
  }
}

/** For Idempotency-Key: a repeated send of one verb does its work once. */
export function newKey({ random }: Io): string {
  return Buffer.from(random.bytes(16)).toString('hex');
}

function checkUrl(hub: string): void {
  const url = URL.parse(hub);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw usage(`${hub} is no URL of a hub`, 'such as https://127.0.0.1:7420');
  const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !loopback)
    throw usage(`the token would go to ${hub} in clear`, 'use https:// for a hub on another machine');
}

function noHub(): Failure {
  return new Failure(exit.usage, 'no hub is known', {
    hint: 'start one with `ldc dev`, or name one by --hub, LDC_HUB or `ldc context use NAME`',
  });
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
