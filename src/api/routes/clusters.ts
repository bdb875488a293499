import { type Json, refText } from '../../base/index.ts';
import type { ClusterRecord, Left } from '../../hub-agent/types.ts';
import type { DueWork } from '../../stacks/types.ts';
import { type ClusterView, routes } from '../contract/index.ts';
import { type Binding, bind } from '../http/binding.ts';
import { checkIfMatch } from '../http/etag.ts';
import { given, pageOf } from '../http/page.ts';
import { doneOr, HttpProblem, notFound } from '../http/problem.ts';
import type { Services } from '../services.ts';

const R = routes.clusters;
const KEPT_SHOWN_MAX = 100;
/** To a leaving agent, in one message. */
const KEPT_TOLD_MAX = 10_000;

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
    bind(R.rename, async ({ params, body, caller, ifMatch }) => {
      const view = viewOf(services, found(services, params.name));
      checkIfMatch(ifMatch, versionOf(view), `cluster ${params.name}`);
      doneOr(await stacks.renameCluster(params.name, body.to, caller.actor, body.reason ?? null));
      return reply(services, body.to);
    }),
    bind(R.remove, async ({ params, query, caller, ifMatch }) => {
      const view = viewOf(services, found(services, params.name));
      checkIfMatch(ifMatch, versionOf(view), `cluster ${params.name}`);
      const { force = false, orphan = false, forgetOwed = false, reason = '' } = query;
      if (view.locations.wanted > 0 && !force && !orphan) throw stillServing(view);
      const due = stacks.dueOn(params.name);
      if (due.length > 0 && !forgetOwed) throw stillOwed(params.name, due);
      if (due.length > 0 && reason === '') throw unexplained(params.name);
      const left = await leave(services, view, { force, orphan, actor: caller.actor });
      doneOr(await registry.remove(params.name, caller.actor, reason, stacks.dueOn(params.name) as unknown as Json[]));
      return { answer: { removed: params.name, ...left } };
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
      if (!registry.tokens().some(({ id }) => id === params.id))
        throw notFound(`join token ${params.id}`, 'GET /api/v1/join-tokens lists all');
      doneOr(await registry.revokeToken(params.id, caller.actor));
      return { answer: { revoked: params.id } };
    }),
  ];
}

/** Takes away what ldc put there; forced, it goes on without an agent, and says what may be there. */
async function leave(
  { registry, availability, stacks }: Services,
  view: ClusterView,
  { force, orphan, actor }: { force: boolean; orphan: boolean; actor: string },
): Promise<{ objects: number | null; remains: Left['remains'] }> {
  const { name, connected, locations } = view;
  if (!connected && !force) throw notThere(name);
  if (!connected) return { objects: null, remains: UNSEEN };
  // nothing new is placed there while it goes; copies that are made elsewhere first are a drain's
  if (view.intent === 'open') doneOr(await availability.setIntent(name, 'cordoned', actor, 'it is being removed'));
  // a copy that still serves is not deleted: forced, it stays as with `orphan`
  const kept = stacks.onCluster(name).flatMap((held) => (held.kept ?? []).map(({ ref }) => ref));
  const outcome = await registry.leave(name, orphan || locations.wanted > 0, kept.slice(0, KEPT_TOLD_MAX));
  if (outcome.kind === 'done') return { objects: outcome.value.objects, remains: outcome.value.remains };
  if (!force) return doneOr(outcome);
  return { objects: null, remains: UNSEEN };
}

const UNSEEN: Left['remains'] = [
  {
    what: 'what the stacks have there',
    why: 'its agent was not there to take it away',
    command: 'kubectl get all -A -l ldc.dev/stack',
  },
  { what: 'the agent, its memory and its key', why: 'as above', command: 'kubectl delete namespace ldc-system' },
  {
    what: "the agent's rights",
    why: 'as above',
    command: 'kubectl delete clusterrole,clusterrolebinding,role,rolebinding -A -l app.kubernetes.io/part-of=ldc-agent',
  },
];

function notThere(name: string): HttpProblem {
  return new HttpProblem(409, {
    kind: 'agentAway',
    message: `no agent of ${name} is connected: nobody would take away what ldc put there`,
    where: `cluster ${name}`,
    hint: `start its agent, or force it: \`ldc cluster remove ${name} --force --reason TEXT\` says what stays there`,
  });
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

function stillOwed(name: string, due: readonly DueWork[]): HttpProblem {
  const [first] = due;
  const more = due.length > 1 ? `, and ${due.length - 1} more` : '';
  return new HttpProblem(409, {
    kind: 'stillOwed',
    message: `work is owed on cluster ${name}: ${DUE[first?.kind ?? 'undo']} of ${first?.location} (${first?.transaction})${more}`,
    where: `cluster ${name}`,
    hint: `it is settled by itself when the cluster is back; if it will never be, \`ldc cluster remove ${name} --force --forget-owed --reason TEXT\` gives it up`,
    details: due.slice(0, KEPT_SHOWN_MAX) as unknown as Json,
  });
}

const DUE: { readonly [K in DueWork['kind']]: string } = {
  undo: 'the undo',
  prune: 'a deletion',
  apply: 'an apply',
  remove: 'the removal',
};

function unexplained(name: string): HttpProblem {
  return new HttpProblem(422, {
    kind: 'invalid',
    message: `why what is owed on cluster ${name} will not be done is not said`,
    where: 'reason',
    hint: 'say it: it is kept in the journal beside what is forgotten',
  });
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
