import { refText } from '../../base/index.ts';
import type { ClusterRecord } from '../../hub-agent/types.ts';
import { type ClusterView, routes } from '../contract/index.ts';
import { type Binding, bind } from '../http/binding.ts';
import { checkIfMatch } from '../http/etag.ts';
import { given, pageOf } from '../http/page.ts';
import { doneOr, HttpProblem, notFound } from '../http/problem.ts';
import type { Services } from '../services.ts';

const R = routes.clusters;
const KEPT_SHOWN_MAX = 100;

export function clusterRoutes(services: Services): Binding[] {
  const { registry, stacks } = services;
  return [
    bind(R.list, ({ query }) => {
      const [key, value] = (query.label ?? '').split('=');
      const fits = (record: ClusterRecord) => !key || record.labels[key] === value;
      const page = pageOf(registry.clusters().filter(fits), (record) => record.name, query);
      return { answer: { items: page.items.map((record) => viewOf(services, record)), next: page.next } };
    }),
    bind(R.get, ({ params }) => reply(services, params.name)),
    bind(R.locations, ({ params }) => {
      found(services, params.name);
      return { answer: { items: [...stacks.onCluster(params.name)] } };
    }),
    bind(R.label, async ({ params, body, caller, ifMatch }) => {
      const record = found(services, params.name);
      checkIfMatch(ifMatch, versionOf(viewOf(services, record)), `cluster ${params.name}`);
      const labels = Object.fromEntries(
        Object.entries({ ...record.labels, ...body.labels }).filter(
          (pair): pair is [string, string] => pair[1] !== null,
        ),
      );
      doneOr(await registry.setLabels(params.name, labels, body.taints ?? record.taints, caller.actor));
      return reply(services, params.name);
    }),
    ...intentRoutes(services),
    bind(R.remove, async ({ params, query, caller, ifMatch }) => {
      const view = viewOf(services, found(services, params.name));
      checkIfMatch(ifMatch, versionOf(view), `cluster ${params.name}`);
      if (view.locations.wanted > 0 && query.force !== true) throw stillServing(view);
      doneOr(await registry.remove(params.name, caller.actor, query.reason ?? ''));
      return { answer: { removed: params.name } };
    }),
  ];
}

const INTENTS = { cordon: 'cordoned', uncordon: 'open', drain: 'draining' } as const;

function intentRoutes(services: Services): Binding[] {
  return (['cordon', 'uncordon', 'drain'] as const).map((verb) =>
    bind(R[verb], async ({ params, body, caller, ifMatch }) => {
      const view = viewOf(services, found(services, params.name));
      checkIfMatch(ifMatch, versionOf(view), `cluster ${params.name}`);
      const { availability } = services;
      doneOr(await availability.setIntent(params.name, INTENTS[verb], caller.actor, body.reason ?? null));
      return reply(services, params.name);
    }),
  );
}

export function joinTokenRoutes(services: Services): Binding[] {
  const { registry, agentsUrl } = services;
  const J = routes.joinTokens;
  return [
    bind(J.list, ({ query }) => ({ answer: pageOf(registry.tokens(), ({ id }) => id, query) })),
    bind(J.create, async ({ body, caller }) => {
      const { cluster, ...rest } = body;
      const { token, record } = doneOr(
        await registry.createToken({ ...rest, ...given({ cluster }), actor: caller.actor }),
      );
      return { answer: { token, record, agents: agentsUrl } };
    }),
    bind(J.revoke, async ({ params, caller }) => {
      if (!registry.tokens().some(({ id }) => id === params.id)) throw notFound(`join token ${params.id}`);
      doneOr(await registry.revokeToken(params.id, caller.actor));
      return { answer: { revoked: params.id } };
    }),
  ];
}

function reply(services: Services, name: string) {
  const view = viewOf(services, found(services, name));
  return { answer: view, version: versionOf(view) };
}

function viewOf({ registry, availability, stacks, clock }: Services, record: ClusterRecord): ClusterView {
  const health = availability.health(record.name);
  const beatAtMs = registry.lastHeartbeatMs(record.name);
  const held = stacks.onCluster(record.name);
  return {
    ...record,
    connected: registry.connected(record.name),
    lastHeartbeatAgoMs: beatAtMs === undefined ? null : Math.max(0, Math.round(clock.monotonic() - beatAtMs)),
    health: health?.health ?? 'joining',
    since: health?.since ?? null,
    intent: health?.intent ?? 'open',
    intentReason: health?.intentReason ?? null,
    locations: {
      wanted: held.filter(({ wanted }) => wanted).length,
      owed: held.filter(({ owed }) => owed).length,
    },
    kept: held
      .flatMap(({ location, kept = [] }) => kept.map(({ ref, why }) => ({ location, object: refText(ref), why })))
      .slice(0, KEPT_SHOWN_MAX),
  };
}

/** What a person decided about it, which is what If-Match guards; health moves by itself. */
function versionOf({ labels, taints, intent }: ClusterView): string {
  const pairs = Object.entries(labels).sort().flat();
  return Buffer.from(JSON.stringify([intent, pairs, taints])).toString('base64url');
}

function found({ registry }: Services, name: string): ClusterRecord {
  const record = registry.cluster(name);
  if (record === undefined) throw notFound(`cluster ${name}`, 'GET /api/v1/clusters lists all (`ldc cluster list`)');
  return record;
}

function stillServing({ name, locations }: ClusterView): HttpProblem {
  const many = locations.wanted === 1 ? 'a location' : `${locations.wanted} locations`;
  return new HttpProblem(409, {
    kind: 'stillServing',
    message: `cluster ${name} still serves ${many}`,
    where: `cluster ${name}`,
    hint: `drain it first (\`ldc cluster drain ${name}\`), or force it if it will never come back`,
  });
}
