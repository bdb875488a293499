/** The logs of a stack's pods in this cluster: what is there, and with `follow` what comes, of pods and runs that come later too. */
import { type Clock, isObject, type KubeObject, limits, refOf } from '../../../base/index.ts';
import { containerTrouble, mayHavePods, podsOf, shortReason, statusOf } from '../../../kubernetes/index.ts';
import type { StreamRequest } from '../../../protocol/index.ts';
import { whyUnwell } from '../why.ts';
import { type LogSource, readContainerLog } from './log-lines.ts';
import type { StreamPlace } from './streams.ts';

export type LogRequest = Extract<StreamRequest, { kind: 'logs' }>;

export interface LogStream extends LogSource {
  readonly clock: Clock;
  /** What the cluster holds of what was asked for, now. */
  places(): readonly StreamPlace[];
  live(object: KubeObject): Promise<KubeObject | undefined>;
}

const AGAIN_MS = 2_000;

/** A container whose log is asked for. */
interface Wanted {
  readonly name: string;
  readonly pod: KubeObject;
  readonly container: string;
}

export async function streamLogs(request: LogRequest, stream: LogStream): Promise<void> {
  const { query, later } = queriesOf(request);
  const first = await wantedContainers(request, stream);
  if (!request.follow) {
    await tell(first.notes, stream);
    for (const wanted of first.wanted) {
      if (stream.signal.aborted) return;
      const { problem } = await readContainerLog(stream, { ...wanted, query });
      if (problem !== undefined) await note(wanted.name, problem, stream);
    }
    return;
  }
  const following = new Following(stream);
  await following.take(first, query);
  while (!stream.signal.aborted) {
    await stream.clock.sleep(AGAIN_MS, stream.signal);
    if (!stream.signal.aborted) await following.take(await wantedContainers(request, stream), later);
  }
}

/** What the first look asks for, and what is asked of pods and runs that come later: all of it. */
function queriesOf({ follow, previous, tailLines, sinceSeconds, limitBytes }: LogRequest) {
  const later = { follow, ...(limitBytes === undefined ? {} : { limitBytes }) };
  return { later, query: { ...later, ...(previous ? { previous } : {}), tailLines, sinceSeconds } };
}

interface Found {
  readonly wanted: readonly Wanted[];
  /** By what they are about: each is told once. */
  readonly notes: ReadonlyMap<string, { readonly name: string; readonly message: string }>;
}

/** The containers that have, or had, something to say; for the others a note says why not. */
async function wantedContainers(request: LogRequest, stream: LogStream): Promise<Found> {
  const wanted: Wanted[] = [];
  const notes = new Map<string, { name: string; message: string }>();
  const waiting: { readonly name: string; readonly pod: string; readonly waits: string }[] = [];
  const there: KubeObject[] = [];
  for (const { name, location, objects } of stream.places()) {
    for (const object of objects.filter(mayHavePods)) {
      const live = await stream.live(object);
      const found = live === undefined ? undefined : await podsOf(stream.client, live);
      if (live === undefined || found === undefined) continue;
      if (found.kind === 'failed') notes.set(`${name} list`, { name, message: found.reason });
      else if (found.pods.length === 0 && wantsPods(live)) {
        const unwell = [{ ref: refOf(live), status: statusOf(live), object: live }];
        const why = shortReason(await whyUnwell({ ...stream, mask: () => stream.mask }, location, unwell));
        const message = `${live.kind} ${live.metadata.name} has no pods${why === undefined ? '' : `: ${why}`}`;
        notes.set(`${name} ${live.kind} ${live.metadata.name}`, { name, message });
      } else
        for (const pod of found.pods) {
          there.push(pod);
          if (request.pod !== undefined && pod.metadata.name !== request.pod) continue;
          for (const container of containersOf(pod, request.container)) {
            const waits = request.previous ? undefined : waitsFor(pod, container);
            if (waits === undefined) wanted.push({ name, pod, container });
            else waiting.push({ name, pod: pod.metadata.name, waits });
          }
        }
    }
  }
  // pods that wait for the same are one note
  for (const [key, alike] of Map.groupBy(waiting, ({ name, waits }) => `${name} ${waits}`)) {
    const { name, pod, waits } = alike[0] as (typeof waiting)[number];
    const who = alike.length === 1 ? `pod ${pod}` : `${alike.length} pods (${pod}, …)`;
    notes.set(key, { name, message: `${who}${waits}` });
  }
  const nothing = wanted.length + waiting.length > 0 ? undefined : namesNothing(request, there);
  if (nothing !== undefined) notes.set('nothing', { name: '', message: nothing });
  const most = limits.streamContainersMax;
  if (wanted.length > most) {
    const message = `${wanted.length - most} more containers are not shown: choose by pod or container`;
    notes.set('too many', { name: '', message });
  }
  return { wanted: wanted.slice(0, most), notes };
}

/** What is asked for by a name that nothing here has: an empty answer would look like a silent program. */
function namesNothing({ pod, container }: LogRequest, there: readonly KubeObject[]): string | undefined {
  const pods = there.map(({ metadata }) => metadata.name);
  if (pod !== undefined && !pods.includes(pod)) return `no pod here is named ${pod}${some(pods)}`;
  if (container === undefined || there.length === 0) return undefined;
  const asked = there.filter(({ metadata }) => pod === undefined || metadata.name === pod);
  const names = asked.flatMap((one) => [...namesIn(one, 'containers'), ...namesIn(one, 'initContainers')]);
  return `no container here is named ${container}${some(names)}`;
}

function some(names: readonly string[]): string {
  const each = [...new Set(names)];
  return each.length === 0 ? '' : `: there is ${each.slice(0, 5).join(', ')}${each.length > 5 ? ', …' : ''}`;
}

function wantsPods({ spec, kind }: KubeObject): boolean {
  const workload = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'ReplicationController'];
  return workload.includes(kind) && !(isObject(spec) && spec.replicas === 0);
}

function namesIn(pod: KubeObject, field: 'containers' | 'initContainers'): readonly string[] {
  const list = isObject(pod.spec) ? pod.spec[field] : undefined;
  return Array.isArray(list) ? list.filter(isObject).map(({ name }) => String(name)) : [];
}

/** All of a pod, or the named one; an init container without being named only while it is what keeps the pod. */
function containersOf(pod: KubeObject, named: string | undefined): readonly string[] {
  const [containers, inits] = [namesIn(pod, 'containers'), namesIn(pod, 'initContainers')];
  if (named !== undefined) return [...inits, ...containers].filter((name) => name === named);
  const stuck = new Set(containerTrouble(pod).map(({ container }) => container));
  return [...inits.filter((name) => stuck.has(name)), ...containers];
}

/** Why a container has no log yet, to be put behind its pod; undefined: it has one. */
function waitsFor(pod: KubeObject, container: string): string | undefined {
  const trouble = containerTrouble(pod).find((one) => one.container === container);
  if (trouble !== undefined) {
    if (trouble.ran) return undefined;
    return `, container ${container}: ${trouble.reason}: ${trouble.message}`;
  }
  const status = isObject(pod.status) ? pod.status : {};
  const known = [status.containerStatuses, status.initContainerStatuses].some(
    (list) => Array.isArray(list) && list.some((one) => isObject(one) && one.name === container),
  );
  return known ? undefined : `: ${statusOf(pod).message}`;
}

async function note(name: string, message: string, { push, mask }: LogStream): Promise<void> {
  await push({ kind: 'note', name, message: mask(message).slice(0, limits.logLineBytesMax) });
}

async function tell(notes: Found['notes'], stream: LogStream): Promise<void> {
  for (const { name, message } of notes.values()) await note(name, message, stream);
}

type LogQuery = { readonly [name: string]: string | number | boolean | undefined };

/** Which containers are being followed, and how far each was told. */
class Following {
  readonly #stream: LogStream;
  readonly #open = new Set<string>();
  /** The run that was read last, and the time of its last line. */
  readonly #read = new Map<string, { readonly run: number; readonly last: string | undefined }>();
  readonly #told = new Set<string>();

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  async take({ wanted, notes }: Found, query: LogQuery) {
    const fresh = [...notes].filter(([key]) => !this.#told.has(key));
    for (const [key] of fresh) this.#told.add(key);
    await tell(new Map(fresh), this.#stream);
    for (const one of wanted) {
      const key = `${one.pod.metadata.uid} ${one.container}`;
      const read = this.#read.get(key);
      const { running, run } = stateOf(one);
      const ended = read?.run === run && !running;
      if (this.#open.has(key) || ended || this.#open.size >= limits.streamContainersMax) continue;
      void this.#follow(key, run, one, query);
    }
  }

  /** A container that has started again is followed from where its last run ended; one that crashed meanwhile is read. */
  async #follow(key: string, run: number, one: Wanted, query: LogQuery) {
    this.#open.add(key);
    const after = this.#read.get(key)?.last;
    const read = await readContainerLog(this.#stream, { ...one, query, ...(after === undefined ? {} : { after }) });
    this.#read.set(key, { run, last: read.last });
    this.#open.delete(key);
    const told = `${key} ${read.problem}`;
    if (read.problem === undefined || this.#told.has(told)) return;
    this.#told.add(told);
    await note(one.name, `pod ${one.pod.metadata.name}, container ${one.container}: ${read.problem}`, this.#stream);
  }
}

function stateOf({ pod, container }: Wanted): { readonly running: boolean; readonly run: number } {
  const status = isObject(pod.status) ? pod.status : {};
  const lists = [status.containerStatuses, status.initContainerStatuses].flatMap((list) =>
    Array.isArray(list) ? list.filter(isObject) : [],
  );
  const own = lists.find(({ name }) => name === container) ?? {};
  const running = isObject(own.state) && own.state.running !== undefined;
  return { running, run: typeof own.restartCount === 'number' ? own.restartCount : 0 };
}
