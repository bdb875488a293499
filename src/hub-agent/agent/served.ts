/** What the cluster serves, asked anew now and then: a CRD may come or go while the line to the hub stands. */
import { type Clock, isObject, jsonEqual } from '../../base/index.ts';
import type { Client, Discovery } from '../../kubernetes/index.ts';

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

const EVERY_MS = 30_000;
const SOON_MS = 500;

/** Looks until the signal is aborted; `onChange` when the cluster serves other kinds, or another version, than before. */
export function watchServed(
  client: Client,
  discovery: Discovery,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  onChange: (served: Served) => void,
): ServedWatch {
  let served: Served = { kubernetesVersion: '', apis: [] };
  let cancel = () => {};

  async function read(): Promise<Served> {
    const [kubernetesVersion, apis] = await Promise.all([versionOf(client), discovery.all()]);
    // an API server that is down serves what it served: its hub must not think that its kinds are gone
    if (kubernetesVersion !== '' && apis !== undefined) served = { kubernetesVersion, apis: [...apis] };
    return served;
  }
  async function look(): Promise<void> {
    const before = served;
    const now = await read();
    if (!jsonEqual({ ...now }, { ...before })) onChange(now);
    lookAfter(EVERY_MS);
  }
  function lookAfter(waitMs: number): void {
    cancel();
    if (!signal.aborted) cancel = clock.after(waitMs, () => void look());
  }
  signal.addEventListener('abort', () => cancel(), { once: true });
  lookAfter(EVERY_MS);
  return { read, soon: () => lookAfter(SOON_MS) };
}

async function versionOf(client: Client): Promise<string> {
  const answer = await client.request({ method: 'GET', path: '/version' });
  return answer.kind === 'answered' && isObject(answer.body) ? String(answer.body.gitVersion ?? '') : '';
}
