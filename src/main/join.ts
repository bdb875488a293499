/**
 * `ldc cluster join NAME --kubeconfig FILE`: starts the cluster's agent on this machine, beside the cluster, as a process of
 * its own that outlives the command. `ldc agent` in a pod (deploy/agent.yaml) is the other way.
 */
import { fork } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText, systemClock } from '../base/index.ts';
import { recordProcess, runningProcess } from '../base/process-record.ts';
import type { Io, JoinOptions } from '../cli/index.ts';
import { readClusterUid } from '../hub-agent/agent/index.ts';
import { AGENT_ACCOUNT } from '../hub-agent/manifests/index.ts';
import { connect } from '../kubernetes/index.ts';
import { agentEnvironment, agentNodeOptions } from './agent-process.ts';
import { programEntry } from './child.ts';
import { installRights } from './install-rights.ts';

const JOIN_TIMEOUT_MS = 60_000;

/** Exit code 0 when it has joined, 1 when its agent ended or did not join in time, 5 when the hub refused it. */
export async function joinBeside(options: JoinOptions, io: Io, say: (text: string) => void): Promise<number> {
  const folder = join(io.env.XDG_STATE_HOME || join(io.home, '.local', 'state'), 'ldc', 'agents');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const other = runningProcess(folder, options.name);
  if (other !== undefined) {
    say(
      `an agent for ${options.name} runs here already, as process ${other}: end it first (kill ${other}) to join anew`,
    );
    return 5;
  }
  const known = await knownAs(options);
  if (known !== undefined) {
    say(known);
    return 5;
  }
  if (options.rights !== null) {
    const refusal = await installRights(options, options.rights);
    if (refusal !== undefined) {
      say(`error: ${refusal}`);
      return 5;
    }
  }
  const logFile = join(folder, `${options.name}.log`);
  const log = openSync(logFile, 'a', 0o600);
  const given = { hub: options.hub, name: options.name, kubeconfig: options.kubeconfig, labels: options.labels };
  const as = options.rights === null ? {} : { serviceAccount: AGENT_ACCOUNT };
  const child = fork(
    programEntry,
    [
      'part',
      'agent',
      JSON.stringify({ ...given, ...as, ...(options.context === undefined ? {} : { context: options.context }) }),
    ],
    {
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      execArgv: [...agentNodeOptions],
      // the token is not on the command line, where every user of the machine could read it
      env: { ...process.env, ...agentEnvironment(process.env), LDC_JOIN_TOKEN: options.joinToken },
    },
  );
  if (child.pid === undefined) throw new Error('the agent did not start');
  recordProcess(folder, options.name, child.pid);
  const first = await Promise.race([
    new Promise<'joined'>((resolve) => child.once('message', () => resolve('joined'))),
    new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1))),
    systemClock.sleep(JOIN_TIMEOUT_MS).then(() => 'late' as const),
  ]);
  if (first === 'joined') {
    child.disconnect();
    child.unref();
    say(`${options.name} has joined; its agent is process ${child.pid} of this machine, its log ${logFile}`);
    return 0;
  }
  if (first === 'late') {
    child.kill('SIGKILL'); // it has promised nothing yet
    child.disconnect();
  }
  const late = first === 'late' ? ` within ${JOIN_TIMEOUT_MS / 1000} s` : '';
  say(
    `error: ${options.name} has not joined${late}: ${lastWordIn(logFile)}\n  next: its agent's log says more: ${logFile}`,
  );
  return first === 5 ? 5 : 1;
}

/** A cluster that has joined by another name: its agent holds its lease, and one more would wait for that in vain. */
async function knownAs({ kubeconfig, context, name, joined }: JoinOptions): Promise<string | undefined> {
  const given = { kind: 'kubeconfig', text: readFileSync(kubeconfig, 'utf8') } as const;
  const client = await connect({ ...given, ...(context === undefined ? {} : { context }) }, systemClock);
  try {
    const uid = await readClusterUid(client);
    const known = joined.find((one) => uid !== undefined && one.uid === uid && one.name !== name)?.name;
    if (known === undefined) return undefined;
    return `error: this cluster has joined already, as ${known}\n  next: use it by that name; to have it as ${name}: ldc cluster rename ${known} ${name}`;
  } catch (error) {
    return `error: the cluster is not reached: ${errorText(error)}\n  next: look at its kubeconfig`;
  } finally {
    await client.close();
  }
}

/** What an agent has said last: of its newest record the message and the error. */
function lastWordIn(logFile: string): string {
  const line = readFileSync(logFile, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  try {
    const record = JSON.parse(line) as { msg?: string; error?: string };
    return [record.msg, record.error].filter(Boolean).join(': ') || line;
  } catch {
    return line === '' ? 'it said nothing' : line; // not a record: what Node itself wrote
  }
}
