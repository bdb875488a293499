import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Clock, type KubeObject, timestamp } from '../../base/index.ts';

const LOG_BYTES_MAX = 10 * 1024 * 1024;
const LINE_BYTES_MAX = 16 * 1024;

export interface LogLine {
  readonly at: string;
  readonly text: string;
}

/**
 * The log of one attempt of a container: one line `<time> <stream> F <text>` each, as container runtimes write them.
 * At 10 MiB the file is set aside once (`.1`), so that a talkative container cannot fill the disk.
 */
export class LogFile {
  readonly path: string;
  readonly #clock: Clock;
  readonly #followers = new Set<(line: LogLine | undefined) => void>();
  readonly #rest = { stdout: '', stderr: '' };
  #file: number | undefined;
  #bytes = 0;

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, 'a');
    this.#bytes = statSync(path).size;
  }

  /** Takes over output as it comes; a line counts when it is complete. */
  write(stream: 'stdout' | 'stderr', text: string): void {
    const lines = (this.#rest[stream] + text).split('\n');
    this.#rest[stream] = (lines.pop() ?? '').slice(-LINE_BYTES_MAX);
    for (const line of lines) this.#line(stream, line.slice(0, LINE_BYTES_MAX));
  }

  /** `undefined` says that no more comes. The answer stops following. */
  follow(onLine: (line: LogLine | undefined) => void): () => void {
    if (this.#file === undefined) onLine(undefined);
    else this.#followers.add(onLine);
    return () => this.#followers.delete(onLine);
  }

  close(): void {
    if (this.#file === undefined) return;
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#rest[stream] !== '') this.#line(stream, this.#rest[stream]);
      this.#rest[stream] = '';
    }
    closeSync(this.#file);
    this.#file = undefined;
    for (const follower of this.#followers) follower(undefined);
    this.#followers.clear();
  }

  #line(stream: string, text: string): void {
    if (this.#file === undefined) return;
    const at = timestamp(this.#clock.now());
    this.#bytes += writeSync(this.#file, `${at} ${stream} F ${text}\n`);
    for (const follower of this.#followers) follower({ at, text });
    if (this.#bytes < LOG_BYTES_MAX) return;
    closeSync(this.#file);
    renameSync(this.path, `${this.path}.1`);
    this.#file = openSync(this.path, 'a');
    this.#bytes = 0;
  }
}

/** What a log file holds so far, oldest line first. */
export function readLog(path: string): readonly LogLine[] {
  return [`${path}.1`, path].flatMap((file) => {
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const match = /^(\S+) \S+ F (.*)$/.exec(line);
        return match === null ? [] : [{ at: match[1] as string, text: match[2] as string }];
      });
  });
}

/** The folder of a pod's logs, below a root: unique over pods of one name. */
export function logFolder(root: string, { metadata: { namespace, name, uid } }: KubeObject): string {
  return join(root, `${namespace}_${name}_${uid}`);
}

/** The log of one attempt of a container. */
export function logFile(root: string, pod: KubeObject, container: string, attempt: number): string {
  return join(logFolder(root, pod), container, `${attempt}.log`);
}
