/** A machine in memory for the tests of the CLI: files, streams and answers are data. */
import { posix } from 'node:path';
import { startFakeHub } from '../api/fake-hub.test.ts';
import { seededRandom, systemClock } from '../base/index.ts';
import { agentManifests } from '../hub-agent/index.ts';
import type { Io } from './io.ts';
import type { Launchers } from './launchers.ts';
import { run } from './program.ts';

export interface FakeMachine {
  readonly files: Map<string, string>;
  readonly modes: Map<string, number | undefined>;
  readonly links: Map<string, string>;
  readonly env: Record<string, string>;
  stdin: string;
  /** What a person types at the terminal; undefined: there is no terminal. */
  answers: string[] | undefined;
  readonly launched: { readonly name: string; readonly options: unknown }[];
  interrupt(): void;
  /** Runs `ldc …`. */
  ldc(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}

export function fakeMachine(env: Record<string, string> = {}): FakeMachine {
  const interrupts = new Set<() => void>();
  const random = seededRandom(9);
  const machine: FakeMachine = {
    files: new Map(),
    modes: new Map(),
    links: new Map(),
    env,
    stdin: '',
    answers: undefined,
    launched: [],
    interrupt: () => {
      for (const listener of interrupts) listener();
    },
    async ldc(...argv) {
      const out: string[] = [];
      const err: string[] = [];
      const isTerminal = machine.answers !== undefined;
      const io: Io = {
        env,
        cwd: '/work',
        home: '/home/ann',
        out: { write: (text) => void out.push(text), isTerminal, columns: 120 },
        err: { write: (text) => void err.push(text), isTerminal, columns: 120 },
        input: {
          isTerminal,
          readAll: async () => machine.stdin,
          async question(text) {
            err.push(text);
            return machine.answers?.shift() ?? '';
          },
        },
        files: fakeFiles(machine),
        clock: { ...systemClock, now: () => Date.UTC(2026, 10, 22, 12, 5) },
        random,
        onInterrupt(listener) {
          interrupts.add(listener);
          return () => void interrupts.delete(listener);
        },
      };
      const code = await run(argv, { io, launchers: fakeLaunchers(machine), version: '0.1.0' });
      return { code, out: out.join(''), err: err.join('') };
    },
  };
  return machine;
}

/** A machine whose environment names a running hub. */
export async function machineWithHub() {
  const hub = await startFakeHub();
  const machine = fakeMachine({ LDC_HUB: hub.url, LDC_TOKEN: hub.admin });
  return { hub, machine };
}

function fakeFiles({ files, modes, links }: FakeMachine): Io['files'] {
  const folders = () => new Set([...files.keys()].flatMap(parents));
  return {
    async read(path) {
      const text = files.get(path);
      if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT', path });
      if (text === '\u0000binary') throw new TypeError('not UTF-8');
      return text;
    },
    kind: async (path) => (files.has(path) ? 'file' : folders().has(path) ? 'folder' : undefined),
    async list(folder) {
      const inside = [...files.keys(), ...folders()].filter(
        (path) => posix.dirname(path) === folder && path !== folder,
      );
      return [...new Set(inside.map((path) => posix.basename(path)))].sort();
    },
    realPath: async (path) => links.get(path) ?? path,
    async write(path, text, mode) {
      files.set(path, text);
      modes.set(path, mode);
    },
  };
}

function parents(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === path ? [] : [folder, ...parents(folder)];
}

function fakeLaunchers({ launched }: FakeMachine): Launchers {
  const launcher = (name: string) => async (options: unknown) => {
    launched.push({ name, options });
    return 0;
  };
  return {
    hub: launcher('hub'),
    backup: launcher('backup'),
    restore: launcher('restore'),
    rearm: launcher('rearm'),
    agent: launcher('agent'),
    agentManifests: async (options) => agentManifests(options),
    dev: launcher('dev'),
    demo: launcher('demo'),
    joinCluster: launcher('joinCluster'),
  };
}
