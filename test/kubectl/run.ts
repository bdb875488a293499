/** Runs a scenario with one kubectl against one server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { normalise } from './normalise.ts';
import type { Kubectl, Printed, Scenario, Step } from './types.ts';

const COMMAND_LIMIT_MS = 120_000;
const UNTIL_LIMIT_MS = 90_000;
const AGAIN_MS = 150;

interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Desk {
  readonly kubectl: Kubectl;
  /** The working directory. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** The scenario's namespace. */
  readonly own: string;
}

/**
 * @param kubeconfig an administrator's, as YAML.
 * @returns what each step printed; throws when a silent step fails or an `until` never comes true.
 */
export async function runScenario(
  scenario: Scenario,
  kubectl: Kubectl,
  kubeconfig: string,
): Promise<readonly Printed[]> {
  const root = mkdtempSync(join(tmpdir(), 'ldc-kubectl-'));
  const folder = join(root, 'work');
  mkdirSync(folder);
  const own = `${scenario.name}-k${kubectl.minor}-${root.slice(-6).toLowerCase()}`;
  try {
    const desk: Desk = { kubectl, folder, own, env: environment(root, folder) };
    writeFileSync(join(root, 'config'), ownKubeconfig(kubeconfig, own), { mode: 0o600 });
    for (const [name, text] of Object.entries(scenario.files ?? {})) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text.replaceAll('$NS', own));
    }
    await must(desk, 'create namespace $NS');
    const printed: Printed[] = [];
    for (const step of scenario.steps) {
      const output = await runStep(desk, step);
      if (step.silent !== true) printed.push(normalised(desk, step, output));
      else if (output.code !== 0) throw new Error(`kubectl ${step.args}: ${output.err}`);
    }
    await must(desk, 'delete namespace $NS --wait=false');
    return printed;
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Nothing of the person who runs the test: no home, no proxy, no other kubeconfig. */
function environment(root: string, folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: root, KUBECONFIG: join(root, 'config'), TMPDIR: folder };
}

function ownKubeconfig(text: string, namespace: string): string {
  const given = parse(text) as { clusters: { cluster: object }[]; users: { user: object }[] };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'here', cluster: given.clusters[0]?.cluster }],
    users: [{ name: 'admin', user: given.users[0]?.user }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'admin', namespace } }],
  });
}

async function must(desk: Desk, args: string): Promise<void> {
  const { code, err } = await type(desk, { name: '', args });
  if (code !== 0) throw new Error(`kubectl ${args}: ${err}`);
}

async function runStep(desk: Desk, step: Step): Promise<Output> {
  if (step.stream !== undefined) return stream(desk, step, step.stream);
  if (step.until === undefined) return type(desk, step);
  for (const end = Date.now() + UNTIL_LIMIT_MS; ; await sleep(AGAIN_MS)) {
    const output = await type(desk, step);
    if (step.until.test(output.out)) return output;
    if (Date.now() > end) {
      throw new Error(`kubectl ${step.args}: ${step.until} did not come true:\n${output.out}${output.err}`);
    }
  }
}

function type(desk: Desk, step: Step): Promise<Output> {
  return typed(start(desk, step));
}

interface Running {
  readonly child: ChildProcess;
  out: string;
  err: string;
  readonly ended: Promise<number>;
}

function start({ kubectl, folder, env, own }: Desk, { args, input = '', env: more }: Step): Running {
  const words = shellWords(args.replaceAll('$NS', own));
  const child = spawn(kubectl.path, words, { cwd: folder, env: { ...env, ...more }, timeout: COMMAND_LIMIT_MS });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  const running: Running = { child, out: '', err: '', ended };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    running.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    running.err += text;
  });
  child.stdin.on('error', () => {}); // a command that reads nothing may have ended already
  child.stdin.end(input.replaceAll('$NS', own));
  return running;
}

async function typed(running: Running): Promise<Output> {
  const code = await running.ended;
  return { code, out: running.out, err: running.err };
}

/** Its exit code says nothing: it is ended from here. */
async function stream(
  desk: Desk,
  step: Step,
  { meanwhile, begun = /./ }: NonNullable<Step['stream']>,
): Promise<Output> {
  const running = start(desk, step);
  const reached = async (pattern: RegExp) => {
    for (const end = Date.now() + UNTIL_LIMIT_MS; !pattern.test(running.out); await sleep(20)) {
      if (Date.now() < end && running.child.exitCode === null) continue;
      throw new Error(`kubectl ${step.args}: ${pattern} never came:\n${running.out}${running.err}`);
    }
  };
  try {
    await reached(begun);
    if (meanwhile !== undefined) await must(desk, meanwhile);
    if (step.until !== undefined) await reached(step.until);
  } finally {
    running.child.kill();
  }
  await running.ended;
  return { code: 0, out: running.out, err: running.err };
}

function normalised(desk: Desk, step: Step, { code, out, err }: Output): Printed {
  const lines = out.replace(/\n$/, '').split('\n');
  const kept =
    step.only === undefined ? lines : lines.filter((line) => step.only?.test(line.replaceAll(desk.own, '$NS')));
  const text = normalise((step.cut ?? ((whole) => whole))(kept.join('\n')), desk.own);
  const shown = step.sorted === true ? text.split(/\n\n/).map(sortedLines).join('\n\n') : text;
  return { step: step.name, args: step.args, code, out: shown, err: normalise(err, desk.own) };
}

/** Of one table: its heading is in capitals and stays first. */
function sortedLines(text: string): string {
  const end = text.endsWith('\n') ? '\n' : '';
  return text.trimEnd().split('\n').sort().join('\n') + end;
}

/** Words as a shell splits them: single and double quotes keep spaces. */
export function shellWords(text: string): readonly string[] {
  return [...text.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  );
}
