/** Single objects of the agent's cluster: read, apply, patch, delete, with every answer judged. */
import { type Clock, isObject, type Json, type KubeObject, type ObjectRef, refOf, refText } from '../../base/index.ts';
import {
  type ApiRequest,
  type Client,
  type Discovery,
  type KindInfo,
  objectPath,
  type Verdict,
  verdictOf,
} from '../../kubernetes/index.ts';
import { Halted, refuse, retryLater } from './halted.ts';

export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
  readonly dryRun?: boolean;
  /** The write happens only if the object still has this one. */
  readonly resourceVersion?: string;
}

export interface Applied {
  readonly object: KubeObject;
  readonly auditId?: string;
  readonly warnings: readonly string[];
}

/** Reads and writes. What is worth asking again, and what the cluster does not serve, halts the command. */
export interface Objects {
  info(ref: Pick<ObjectRef, 'apiVersion' | 'kind'>): Promise<KindInfo | undefined>;
  /** The same object in a version that is served here, its own if that is; undefined: in none. */
  served(ref: ObjectRef): Promise<ObjectRef | undefined>;
  /** undefined: absent, or its kind is not served here. */
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  apply(object: KubeObject, options: ApplyOptions): Promise<Verdict>;
  patch(
    ref: ObjectRef,
    body: Json,
    options: { readonly contentType: string; readonly manager: string; readonly subresource?: string },
  ): Promise<Verdict>;
  /** True: it was there and is being deleted; false: it was gone, or is another one than that uid. */
  remove(ref: ObjectRef, uid: string): Promise<boolean>;
  /** Waits until the object of that uid is gone; halts with `retry` after the time. */
  gone(ref: ObjectRef, uid: string, signal: AbortSignal): Promise<void>;
}

const GONE_MS_MAX = 60_000;
const GONE_POLL_MS = 100;
const GONE_POLL_MS_MAX = 1_000;

export function createObjects(client: Client, discovery: Discovery, clock: Clock): Objects {
  async function info(ref: Pick<ObjectRef, 'apiVersion' | 'kind'>): Promise<KindInfo | undefined> {
    const found = await discovery.kind(ref.apiVersion, ref.kind);
    if (found.kind === 'unreachable') return retryLater(found.reason);
    return found.kind === 'served' ? found.info : undefined;
  }
  async function known(ref: ObjectRef): Promise<KindInfo> {
    const found = await info(ref);
    if (found !== undefined) return found;
    return refuse({
      kind: 'notServed',
      message: `this cluster serves no ${ref.apiVersion} ${ref.kind}`,
      where: refText(ref),
      hint: 'install its CRD, or give a version that the cluster serves beside this one',
    });
  }
  async function get(ref: ObjectRef): Promise<KubeObject | undefined> {
    const kind = await info(ref);
    if (kind === undefined) return undefined;
    const answer = await client.request({ method: 'GET', path: objectPath(kind, ref) });
    const verdict = verdictOf(answer, refText(ref));
    if (verdict.kind !== 'notFound') return objectOf(verdict);
    if (answer.kind === 'answered' && !isOfObject(answer.body)) discovery.forget();
    return undefined;
  }
  return {
    info,
    async served(ref) {
      if ((await info(ref)) !== undefined) return ref;
      const apiVersion = await discovery.otherVersion(ref.apiVersion, ref.kind);
      return apiVersion === undefined ? undefined : { ...ref, apiVersion };
    },
    get,
    async apply(object, options) {
      const ref = refOf(object);
      const path = objectPath(await known(ref), ref);
      return verdictOf(await client.request(applyRequest(path, object, options)), refText(ref));
    },
    async patch(ref, body, { contentType, manager, subresource }) {
      const path = objectPath(await known(ref), ref, subresource);
      const answer = await client.request({
        method: 'PATCH',
        path,
        query: { fieldManager: manager },
        contentType,
        body,
      });
      return verdictOf(answer, refText(ref));
    },
    async remove(ref, uid) {
      const kind = await info(ref);
      if (kind === undefined) return false;
      const answer = await client.request({
        method: 'DELETE',
        path: objectPath(kind, ref),
        body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid }, propagationPolicy: 'Background' },
      });
      const verdict = verdictOf(answer, refText(ref));
      if (verdict.kind === 'ok') return true;
      if (verdict.kind === 'notFound' || verdict.kind === 'stale') return false;
      return halt(verdict);
    },
    gone: (ref, uid, signal) => waitUntilGone(get, clock, ref, uid, signal),
  };
}

function applyRequest(path: string, object: KubeObject, options: ApplyOptions): ApiRequest {
  const { manager, force, dryRun, resourceVersion } = options;
  const { resourceVersion: _stale, ...rest } = object.metadata;
  const metadata = resourceVersion === undefined ? rest : { ...rest, resourceVersion };
  return {
    method: 'PATCH',
    path,
    query: { fieldManager: manager, force, ...(dryRun === true ? { dryRun: 'All' } : {}) },
    contentType: 'application/apply-patch+yaml',
    body: { ...object, metadata } as KubeObject,
  };
}

/** A 404 that names an object; any other says that the path itself is gone: the version was withdrawn. */
function isOfObject(body: Json): boolean {
  return isObject(body) && isObject(body.details) && typeof body.details.name === 'string';
}

async function waitUntilGone(
  get: Objects['get'],
  clock: Clock,
  ref: ObjectRef,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = clock.monotonic() + GONE_MS_MAX;
  for (let waitMs = GONE_POLL_MS; ; waitMs = Math.min(waitMs * 1.5, GONE_POLL_MS_MAX)) {
    const live = await get(ref);
    if (live === undefined || live.metadata.uid !== uid) return;
    if (signal.aborted || clock.monotonic() > untilMs) {
      const holders = (live.metadata.finalizers ?? []).join(', ');
      return retryLater(`${refText(ref)} is still being deleted${holders === '' ? '' : ` (waits for ${holders})`}`);
    }
    await clock.sleep(waitMs, signal);
  }
}

/** The object of a verdict that must be good; every other one halts the command. */
export function objectOf(verdict: Verdict): KubeObject {
  return appliedOf(verdict).object;
}

export function appliedOf(verdict: Verdict): Applied {
  if (verdict.kind !== 'ok') return halt(verdict);
  const { auditId, warnings } = verdict;
  return { object: verdict.body as unknown as KubeObject, warnings, ...(auditId === undefined ? {} : { auditId }) };
}

export function halt(verdict: Exclude<Verdict, { kind: 'ok' }>): never {
  if (verdict.kind === 'retry') {
    throw new Halted({ kind: 'retry', afterMs: verdict.afterMs, reason: verdict.reason });
  }
  return refuse(verdict.refusal);
}
