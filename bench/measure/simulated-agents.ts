/**
 * Agents without clusters, in a process of their own: each enrols, opens its line, beats, fetches the bundles that it does
 * not have and answers every command at once. `node simulated-agents.ts URL TOKEN COUNT HEARTBEAT_MS`, forked by many-agents.ts.
 */
import {
  systemClock as clock,
  type Digest,
  digestOf,
  type Json,
  type Outcome,
  systemRandom as random,
} from '../../src/base/index.ts';
import { createRequest } from '../../src/hub-agent/certificates.ts';
import { networkDoor } from '../../src/hub-agent/index.ts';
import {
  type AgentMessage,
  type Blob,
  type Channel,
  type Command,
  type CommandBody,
  type CommandOutput,
  createSealKey,
  type HubMessage,
  PROTOCOL_VERSION,
} from '../../src/protocol/index.ts';

/** As many enrol at once. */
const AT_ONCE = 64;
/** What discovery finds on a cluster with a usual number of custom resources. */
const APIS = [
  ...['v1/Namespace', 'v1/ConfigMap', 'v1/Service', 'apps/v1/Deployment'],
  ...Array.from({ length: 146 }, (_, i) => `group-${i % 25}.example.com/v1/Kind${i}`),
];

const [, , url = '', token = '', count = '0', heartbeatMs = '5000'] = process.argv;
const sealKey = createSealKey().publicKey;
const never = new AbortController().signal;

async function join(cluster: string): Promise<void> {
  // a door each: a fleet of agents shares no TLS session
  const door = networkDoor(url, clock);
  const { key, request } = await createRequest(cluster);
  const enrolled = wanted(await door.enrol({ token, cluster, csr: request }));
  const channel = wanted(await door.open({ ...enrolled, key }, never));
  const none = { cpuMilli: 0, memoryBytes: 0, pods: 0 };
  const size = { cpuMilli: 64_000, memoryBytes: 2 ** 38, pods: 1_000 };
  send(channel, {
    ...{ kind: 'hello', v: PROTOCOL_VERSION, agentVersion: 'bench', kubernetesVersion: 'v1.34.0', apis: APIS, sealKey },
    capacity: { nodes: 1, readyNodes: 1, allocatable: size, requested: none },
    ...{ highestEpoch: 0, held: [], openCommands: [] },
  });
  const answering = answerer(channel);
  channel.onMessage((raw) => answering(raw as unknown as HubMessage));
  let seq = 0;
  const beat = () => {
    channel.send({ kind: 'heartbeat', seq: seq++, sentAtMs: clock.now() }, 'urgent');
    setTimeout(beat, Number(heartbeatMs));
  };
  setTimeout(beat, random.next() * Number(heartbeatMs));
}

/** Answers commands once their bundle is there. */
function answerer(channel: Channel): (message: HubMessage) => void {
  const blobs = new Set<string>();
  let waiting: Command[] = [];
  const answer = (command: Command) => {
    const { output, blobs: made } = outputOf(command.body);
    send(channel, { kind: 'result', id: command.id, outcome: { kind: 'done', value: output }, blobs: made });
  };
  return (message) => {
    if (message.kind === 'blob') {
      blobs.add(message.blob.digest);
      const ready = waiting;
      waiting = [];
      for (const command of ready) answer(command);
    } else if (message.kind === 'command') {
      const needed = 'bundle' in message.command.body ? message.command.body.bundle : null;
      if (needed === null || blobs.has(needed)) return answer(message.command);
      waiting.push(message.command);
      send(channel, { kind: 'need', digests: [needed] });
    }
  };
}

/** Nothing was there before; all that is wanted is there afterwards. */
function outputOf(body: CommandBody): { output: CommandOutput; blobs: Blob[] } {
  const digest: Digest = digestOf(body.kind);
  switch (body.kind) {
    case 'snapshot': {
      const value = { location: body.location as unknown as Json, objects: [] };
      const preImages = digestOf(value);
      return {
        output: { kind: 'snapshot', preImages, objects: 0, present: 0 },
        blobs: [{ digest: preImages, value }],
      };
    }
    case 'access':
      return only({ kind: 'access', refusal: null });
    case 'ensure':
      return only({ kind: 'ensure', created: [], existed: [] });
    case 'dryRun':
      return only({ kind: 'dryRun', objects: 3, deferred: [], warnings: [] });
    case 'gate':
      return only({ kind: 'gate', ready: 1, tookMs: 0 });
    case 'readBack':
      return only({ kind: 'readBack', digest, objects: 3 });
    case 'apply':
      return only({ kind: 'receipt', objects: ['Deployment', 'Service', 'ConfigMap'].map(created), digest });
    case 'verify':
      return only({
        kind: 'verify',
        equal: true,
        differences: [],
        kept: [],
        digestBefore: digest,
        digestAfter: digest,
      });
    default:
      return only({ kind: 'receipt', objects: [], digest });
  }
}

function only(output: CommandOutput): { output: CommandOutput; blobs: Blob[] } {
  return { output, blobs: [] };
}

function created(kind: string) {
  const ref = { apiVersion: 'v1', kind, namespace: 'shop', name: kind.toLowerCase() };
  const facts = { uid: '00000000-0000-4000-8000-000000000000', resourceVersion: '123456', auditId: 'bench' };
  return { ref, change: 'created' as const, before: null, after: digestOf(kind), ...facts };
}

function send(channel: Channel, message: AgentMessage): void {
  channel.send(message as unknown as Json);
}

function wanted<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.value;
}

// whoever measures has ended, however it did
process.once('disconnect', () => process.exit());

let next = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let index = next++; index < Number(count); index = next++) await join(`c-${index}`);
  }),
);
process.send?.('joined');
