import type { Command } from 'commander';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { usage } from '../failure.ts';
import { checkFormat } from '../render/output.ts';
import { logLine } from '../render/told.ts';
import { findTarget, type StackTarget } from '../stack-target.ts';
import { followTold } from '../told.ts';

interface LogsFlags extends HubFlags {
  readonly output?: string;
  readonly cluster?: string;
  readonly pod?: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly limitBytes?: string;
  readonly timestamps?: boolean;
  readonly prefix?: boolean;
}

/** Of each container, when neither how many nor since when was asked. */
const TAIL = 200;

export function registerLogs(program: Command, cli: Cli): void {
  withOutput(
    withHub(program.command('logs').argument('<stack/function>', 'STACK[/FUNCTION], or with the project')),
    'json',
  )
    .option('--cluster <name>', 'of this cluster only')
    .option('--pod <name>', 'of this pod only')
    .option('-c, --container <name>', 'of these containers only; default: all but init containers that ended well')
    .option('-f, --follow', 'go on with what comes, of pods that come later too')
    .option('-p, --previous', 'of the run before the present one')
    .option('--tail <lines>', `last lines of each container; -1: all (default: ${TAIL}, with --since all)`)
    .option('--since <time>', 'as far back: 30s, 5m, 2h')
    .option('--limit-bytes <bytes>', 'of each container')
    .option('--timestamps', 'with the time of each line')
    .option('--prefix', 'with cluster, pod and container before each line (default: when there is more than one)')
    .option('--no-prefix', 'never')
    .summary('logs of a stack or function, over all its clusters')
    .description(
      'Shows the logs of a stack’s pods over all its clusters, through the agents: no port into a cluster is needed. What looks like a secret is masked.',
    )
    .addHelpText(
      'after',
      example('ldc logs shop/checkout', 'ldc logs shop/checkout --cluster eu-1 -f', 'ldc logs shop --since 5m -o json'),
    )
    .action(action<LogsFlags>(cli, (flags, [name]) => logs(cli, flags, name ?? '')));
}

async function logs(cli: Cli, flags: LogsFlags, name: string): Promise<number> {
  checkFormat(flags.output, ['json']);
  const chosen = queryOf(flags);
  return withClient(cli, flags, async (client, api) => {
    const target = await findTarget(client, api, name);
    const show = { prefix: flags.prefix ?? isMany(target, flags), timestamps: flags.timestamps === true };
    const { project, name: stack, function: one } = target;
    const query = { ...chosen, ...(one === undefined ? {} : { function: one }) };
    return followTold(
      cli.io,
      client,
      api.routes.insight.logs,
      { params: { project, name: stack }, query },
      {
        json: flags.output === 'json',
        follows: flags.follow === true,
        text: (item) => (item.kind === 'line' ? logLine(item, show) : ''),
      },
    );
  });
}

function queryOf(flags: LogsFlags) {
  const { cluster, pod, container, follow, previous, tail, since, limitBytes } = flags;
  const lines = tail === undefined ? (since === undefined ? TAIL : undefined) : wholeNumber('--tail', tail, -1);
  return {
    ...(cluster === undefined ? {} : { cluster }),
    ...(pod === undefined ? {} : { pod: pod.replace(/^pods?\//, '') }),
    ...(container === undefined ? {} : { container }),
    ...(follow === true ? { follow: 'true' } : {}),
    ...(previous === true ? { previous: 'true' } : {}),
    ...(lines === undefined || lines < 0 ? {} : { tail: String(lines) }),
    ...(since === undefined ? {} : { since: String(secondsOf(since)) }),
    ...(limitBytes === undefined ? {} : { limitBytes: String(wholeNumber('--limit-bytes', limitBytes, 1)) }),
  };
}

function wholeNumber(flag: string, text: string, least: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least)
    throw usage(`${flag} ${text} is no whole number of at least ${least}`, `say ${flag} ${least} or more`);
  return number;
}

const SECONDS: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90`, `30s`, `1h30m`. @throws Failure */
function secondsOf(text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  const whole = parts.map(([part]) => part).join('') === text ? parts : [];
  const seconds = whole.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit as string] ?? 0), 0);
  if (seconds < 1) throw usage(`--since ${text} is no time`, 'such as 30s, 5m, 1h30m');
  return seconds;
}

/** Whether lines come from more than one place, as far as is known before they come. */
function isMany({ summary, function: name }: StackTarget, { cluster, pod }: LogsFlags): boolean {
  const functions = summary.functions.filter((view) => name === undefined || view.function === name);
  const places = functions.flatMap(({ locations }) =>
    locations.filter((one) => (cluster ?? one.cluster) === one.cluster),
  );
  const [only] = places;
  return places.length !== 1 || (pod === undefined && only?.replicas !== 1);
}
