/** `ldc agent`: one cluster's agent, in a pod with its service account or beside the cluster with a kubeconfig. */
import { readFileSync } from 'node:fs';
import { createIds, type Refusal, RefusedError, systemClock, systemRandom } from '../base/index.ts';
import type { AgentOptions } from '../cli/index.ts';
import { clientAs, createAgent } from '../hub-agent/agent/index.ts';
import { type Credentials, connect } from '../kubernetes/index.ts';
import { createLogger } from './logger.ts';
import { untilSignal } from './signals.ts';
import { programVersion } from './version.ts';

/** Exit code 0 after SIGTERM or SIGINT, 5 when joining is refused. `joined` is called once it is who it is. */
export async function runAgent(
  options: AgentOptions,
  say: (text: string) => void,
  logLevel: string,
  joined: () => void = () => {},
): Promise<number> {
  const stopped = untilSignal();
  const given = await connect(credentialsOf(options), systemClock);
  const { serviceAccount } = options;
  const client = serviceAccount === undefined ? given : clientAs(given, systemClock, serviceAccount);
  const ended = Promise.withResolvers<Refusal | null>();
  const agent = createAgent({
    client,
    administrator: given,
    onEnd: ended.resolve,
    hub: { url: options.hub },
    clock: systemClock,
    random: systemRandom,
    ids: createIds(systemClock, systemRandom),
    logger: createLogger(logLevel),
    version: programVersion(),
    ...(options.joinToken === undefined ? {} : { join: { token: options.joinToken, name: options.name ?? '' } }),
  });
  const keepAlive = setInterval(() => {}, 60_000);
  let begun: 'started' | 'stopped';
  try {
    // it may wait long for its cluster, its hub or another agent's lease: a signal ends that too
    begun = await Promise.race([agent.start().then(() => 'started' as const), stopped.then(() => 'stopped' as const)]);
  } catch (error) {
    clearInterval(keepAlive);
    await given.close();
    if (!(error instanceof RefusedError)) throw error;
    sayRefused(say, error.refusal);
    return 5;
  }
  if (begun === 'started') {
    say(`agent works for ${options.hub}; SIGTERM ends it, what it remembers lies in its cluster`);
    joined();
  }
  const end = await Promise.race([stopped.then(() => 'stopped' as const), ended.promise]);
  clearInterval(keepAlive);
  await agent.stop();
  await given.close();
  if (end === 'stopped') return 0;
  if (end === null) say('this cluster has left its hub; what ldc had put there is gone');
  else sayRefused(say, end);
  return end === null ? 0 : 5;
}

function sayRefused(say: (text: string) => void, { message, hint }: Refusal): void {
  say(`ldc agent: ${message}${hint === undefined ? '' : `\n  ${hint}`}`);
}

function credentialsOf(options: AgentOptions): Credentials {
  if (options.kubeconfig === undefined) {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
    return { kind: 'inCluster', host, port };
  }
  const text = readFileSync(options.kubeconfig, 'utf8');
  return { kind: 'kubeconfig', text, ...(options.context === undefined ? {} : { context: options.context }) };
}
