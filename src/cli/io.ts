import type { Cancel, Clock, Random } from '../base/index.ts';

/** All that the CLI touches of the machine: handed in, so that a test runs a verb in process. */
export interface Io {
  readonly env: { readonly [name: string]: string | undefined };
  readonly cwd: string;
  readonly home: string;
  readonly out: Output;
  readonly err: Output;
  readonly input: Input;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  /** Ctrl-C. While there is a listener it is told instead of the process being ended. */
  onInterrupt(listener: () => void): Cancel;
}

export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number;
}

export interface Input {
  readonly isTerminal: boolean;
  /** All of stdin. */
  readAll(): Promise<string>;
  /** One line from the terminal. */
  question(text: string): Promise<string>;
}

/** Paths are absolute. Errors of reading are Node's (`code` ENOENT, EACCES, …). */
export interface FileSystem {
  /** @throws TypeError when it is not UTF-8. */
  read(path: string): Promise<string>;
  kind(path: string): Promise<'file' | 'folder' | undefined>;
  /** Names in a folder, sorted. */
  list(folder: string): Promise<readonly string[]>;
  /** The path without symbolic links. */
  realPath(path: string): Promise<string>;
  /** Whole or not at all (by rename), with its folders. Mode defaults to 0644. */
  write(path: string, text: string, mode?: number): Promise<void>;
}
