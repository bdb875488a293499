/** What the cluster serves: a CRD, or an API of its own, may come or go while the line to the hub stands. */
import { type Clock, isObject, jsonEqual, type Random } from '../../base/index.ts';
import { type Access, type Client, type Discovery, watchLoop } from '../../kubernetes/index.ts';

export interface Served {
  /** Empty until the API server has said it. */
  readonly kubernetesVersion: string;
  /** `apps/v1/Deployment`, … */
  readonly apis: string[];
}

export interface ServedWatch {
  /** Asks now; what was known before when the API server does not say. */
  read(): Promise<Served>;
  /** Kinds have come or gone just now: looks shortly. */
  soon(): void;
}

/** What comes or goes with kinds: watched where the agent may, so that an idle cluster is asked nothing. */
const SIGNS = [
  { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions', kind: 'CustomResourceDefinition' },
  { group: 'apiregistration.k8s.io', plural: 'apiservices', kind: 'APIService' },
] as const;

type Sign = (typeof SIGNS)[number];

/**
 * A CRD that comes and goes within it is not told, and need not be: the hub plans with a list that may be this old anyway, and
 * the agent asks what is served when it acts. What was held of a CRD that was replaced is told by the watch of that kind.
 */
const SOON_MS = 500;
/** Where the definitions of kinds may not be watched. */
const UNWATCHED_EVERY_MS = 30_000;
/** Kinds that an aggregated API server adds to a version it has are told by nobody. */
const WATCHED_EVERY_MS = 3_600_000;

/** Looks until the signal is aborted; `onChange` when the cluster serves other kinds, or another version, than before. */
export function watchServed(
  client: Client,
  discovery: Discovery,
  access: Access,
  options: { readonly clock: Clock; readonly random: Random; readonly signal: AbortSignal },
  onChange: (served: Served) => void,
): ServedWatch {
  const { clock, signal } = options;
  let served: Served = { kubernetesVersion: '', apis: [] };
  let due: { readonly atMs: number; readonly cancel: () => void } | undefined;
  /** Definitions of custom resources at least: they come and go most. */
  let watched = false;

  async function read(): Promise<Served> {
    const [kubernetesVersion, apis] = await Promise.all([versionOf(client), discovery.all()]);
    // an API server that is down serves what it served: its hub must not think that its kinds are gone
    if (kubernetesVersion !== '' && apis !== undefined) served = { kubernetesVersion, apis: [...apis] };
    return served;
  }
  async function look(): Promise<void> {
    due = undefined;
    const before = served;
    const now = await read();
    if (!jsonEqual({ ...now }, { ...before })) onChange(now);
    lookAfter(watched ? WATCHED_EVERY_MS : UNWATCHED_EVERY_MS);
  }
  /** The sooner of what was planned and this. */
  function lookAfter(waitMs: number): void {
    const atMs = clock.monotonic() + waitMs;
    if (signal.aborted || (due !== undefined && due.atMs <= atMs)) return;
    due?.cancel();
    due = { atMs, cancel: clock.after(waitMs, () => void look()) };
  }
  /** What is told need not be asked for. */
  function beginWatched(): void {
    watched = true;
    if (due === undefined || due.atMs <= clock.monotonic() + SOON_MS) return;
    due.cancel();
    due = undefined;
    lookAfter(WATCHED_EVERY_MS);
  }
  async function follow(sign: Sign): Promise<void> {
    if (!(await mayWatch(sign, discovery, access)) || signal.aborted) return;
    const { group, plural, kind } = sign;
    const apiVersion = `${group}/v1`;
    let lists = 0;
    const handlers = {
      onList: () => {
        if (lists++ > 0) lookAfter(SOON_MS);
        if (kind === 'CustomResourceDefinition') beginWatched();
      },
      onEvent: () => lookAfter(SOON_MS),
      onHealth: (problem: string | undefined) => {
        if (problem === undefined || kind !== 'CustomResourceDefinition') return;
        watched = false;
        lookAfter(UNWATCHED_EVERY_MS);
      },
    };
    await watchLoop(
      client,
      { path: `/apis/${apiVersion}/${plural}`, apiVersion, kind, metadataOnly: true },
      handlers,
      options,
    );
  }
  signal.addEventListener('abort', () => due?.cancel(), { once: true });
  for (const sign of SIGNS) void follow(sign);
  lookAfter(UNWATCHED_EVERY_MS);
  return { read, soon: () => lookAfter(SOON_MS) };
}

async function mayWatch({ group, plural, kind }: Sign, discovery: Discovery, access: Access): Promise<boolean> {
  if ((await discovery.kind(`${group}/v1`, kind)).kind !== 'served') return false;
  const missing = await access.missing(['list', 'watch'].map((verb) => ({ verb, group, resource: plural })));
  return missing.kind === 'answered' && missing.value.length === 0;
}

async function versionOf(client: Client): Promise<string> {
  const answer = await client.request({ method: 'GET', path: '/version' });
  return answer.kind === 'answered' && isObject(answer.body) ? String(answer.body.gitVersion ?? '') : '';
}
