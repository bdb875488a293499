import type { LocationChange, PlacementReason, Plan, Step, TakenVersion } from './types.ts';

const SIGNS = { add: '+', update: '~', remove: '-', none: '=' } as const;

/** The plan for people, as a terminal shows it before anyone says yes. Ends without a line break. */
export function planText(plan: Plan): string {
  const { serviceAccount } = plan;
  const { project, name } = plan.stack;
  const from = plan.baseRevision === 0 ? '' : `, from revision ${plan.baseRevision}`;
  const to = plan.revision === 0 ? '' : ` to revision ${plan.revision}`;
  const changed = plan.changes.filter((change) => change.change !== 'none');
  const same = plan.changes.length - changed.length;
  const lines = [
    `Plan: ${plan.kind} of ${project}/${name}${to}${from} (${plan.steps.length} steps, ${plan.digest.slice(0, 19)})`,
    ...(serviceAccount === undefined
      ? []
      : [`Applied as ServiceAccount ${serviceAccount.namespace}/${serviceAccount.name} of each cluster.`]),
    '',
    changed.length === 0 ? 'Nothing changes.' : 'Changes:',
    ...columns(changed.map((change) => [`  ${SIGNS[change.change]} ${within(change.location)}`, changeText(change)])),
    ...(same === 0
      ? []
      : [`  = ${same} ${same === 1 ? 'location stays' : 'locations stay'} as ${same === 1 ? 'it is' : 'they are'}`]),
    ...section('Waves:', columns(waveLines(plan))),
    ...section('Without a probe:', columns(watchedLines(plan))),
    ...section('Versions:', columns((plan.versions ?? []).map(versionLine))),
    ...section('Left out, for want of an API:', columns(plan.reasons.filter(lacksApi).map(lackLine))),
    ...section('After the decision:', columns(plan.steps.filter((step) => step.phase === 'decided').map(deletion))),
    ...section(
      'No undo brings back:',
      plan.irreversible.map((what) => `  ! ${what}`),
    ),
  ];
  if (plan.rollout.approval === 'required') lines.push('', 'Waits for an approval before the first wave.');
  return lines.join('\n');
}

/** The plan as programs read it, indented. */
export function planJson(plan: Plan): string {
  return JSON.stringify(plan, null, 2);
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function within(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1);
}

const NAMED_MAX = 3;

function changeText({ change, objects }: LocationChange): string {
  if (change === 'remove') return `delete ${count(objects.length, 'object')}`;
  if (change === 'add') return `create ${count(objects.length, 'object')}`;
  const parts = (['create', 'update', 'delete'] as const).flatMap((kind) => {
    const those = objects.filter((object) => object.change === kind);
    if (those.length === 0) return [];
    const named = those.slice(0, NAMED_MAX).map(({ ref, fields }) => {
      const more = fields.length > 2 ? `, and ${fields.length - 2} more` : '';
      return `${ref.kind} ${ref.name}${fields.length === 0 ? '' : ` (${fields.slice(0, 2).join(', ')}${more})`}`;
    });
    return [`${kind} ${named.join(', ')}${those.length > NAMED_MAX ? ` and ${those.length - NAMED_MAX} more` : ''}`];
  });
  return parts.length === 0 ? 'settings only' : parts.join('; ');
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

const CLUSTERS_MAX = 8;

function waveLines(plan: Plan): readonly (readonly string[])[] {
  const waves = Map.groupBy(
    plan.steps.filter((step) => step.work.action === 'apply'),
    (step) => step.wave ?? 0,
  );
  const running = Map.groupBy(
    plan.steps.filter(({ phase }) => phase === 'running'),
    ({ wave = 0 }) => wave,
  );
  const soak = plan.rollout.soakMs === 0 ? '' : `, soak ${plan.rollout.soakMs / 1000}s`;
  return [...waves].map(([wave, steps]) => {
    const clusters = [...new Set(steps.map(clusterOf))];
    const more = clusters.length > CLUSTERS_MAX ? ` and ${clusters.length - CLUSTERS_MAX} more` : '';
    return [
      `  ${wave + 1}  ${clusters.slice(0, CLUSTERS_MAX).join(', ')}${more}`,
      `${orderText(running.get(wave) ?? [])}${soak}`,
    ];
  });
}

/** The functions of a wave: an arrow to those that wait for others, a comma between those that do not. */
function orderText(wave: readonly Step[]): string {
  const seen = new Map<string, { readonly name: string | undefined; readonly level: number }>();
  const levels = new Map<string, number>();
  // steps come after those that they wait for; locations of one function that wait for each other are of one level
  for (const { id, after, work } of wave) {
    const before = after.flatMap((one) => seen.get(one) ?? []);
    const name = 'location' in work ? work.location.name : before[0]?.name;
    const level = before.reduce((most, one) => Math.max(most, one.level + (one.name === name ? 0 : 1)), 0);
    seen.set(id, { name, level });
    if (work.action === 'apply')
      levels.set(work.location.name, Math.min(level, levels.get(work.location.name) ?? level));
  }
  const ordered = Map.groupBy(levels.keys(), (name) => levels.get(name) ?? 0);
  return [...ordered]
    .sort(([a], [b]) => a - b)
    .map(([, names]) => names.join(', '))
    .join(' → ');
}

/** Functions that wait a little longer, since their containers are ready by having been started. */
function watchedLines({ steps }: Plan): readonly (readonly string[])[] {
  const waits = steps.flatMap(({ work }) =>
    work.action === 'gate' && work.minReadyMs !== undefined ? [[work.location.name, work.minReadyMs] as const] : [],
  );
  return [...new Map(waits)].map(([name, ms]) => [
    `  ${name}`,
    `ready when it has run for ${ms / 1_000}s without ending (rollout.minReady)`,
  ]);
}

function versionLine({ object, apiVersion, clusters }: TakenVersion): readonly string[] {
  const more = clusters.length > CLUSTERS_MAX ? ` and ${clusters.length - CLUSTERS_MAX} more` : '';
  return [`  ${object}`, `${apiVersion} on ${clusters.slice(0, CLUSTERS_MAX).join(', ')}${more}`];
}

/** As the placement filter `api` says it. */
function lacksApi({ taken, reason }: PlacementReason): boolean {
  return !taken && reason.startsWith('does not serve ');
}

function lackLine({ function: name, cluster, reason }: PlacementReason): readonly string[] {
  return [`  ! ${name}@${cluster}`, reason];
}

function clusterOf(step: Step): string {
  return 'location' in step.work ? step.work.location.cluster : '';
}

function deletion(step: Step): readonly string[] {
  if (step.work.action === 'prune') {
    const names = step.work.objects.map((object) => `${object.kind} ${object.name}`);
    return [`  - ${within(step.id)}`.replace('prune:', ''), `delete ${names.join(', ')}`];
  }
  return [`  - ${within(step.id)}`.replace('remove:', ''), 'delete the whole location'];
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([first = '']) => first.length));
  return rows.map(([first = '', second = '']) => `${first.padEnd(width)}   ${second}`.trimEnd());
}
