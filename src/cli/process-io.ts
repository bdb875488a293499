import { mkdir, readdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import type { Clock, Random } from '../base/index.ts';
import type { FileSystem, Input, Io, Output } from './io.ts';

/** The Io of this very process; main hands in the environment, the clock and randomness. */
export function processIo(ports: { env: Io['env']; clock: Clock; random: Random }): Io {
  return {
    ...ports,
    cwd: process.cwd(),
    home: ports.env.HOME ?? homedir(),
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    input: processInput(),
    files: diskFiles,
    onInterrupt(listener) {
      process.on('SIGINT', listener);
      return () => process.off('SIGINT', listener);
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // `ldc … | head` closes the pipe early, which is no error of ours
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 100;
    },
  };
}

function processInput(): Input {
  return {
    isTerminal: process.stdin.isTTY === true,
    async readAll() {
      const parts: Uint8Array[] = [];
      for await (const part of process.stdin) parts.push(part as Uint8Array);
      return decode(Buffer.concat(parts));
    },
    async question(text) {
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(text);
      } finally {
        lines.close();
      }
    },
  };
}

const diskFiles: FileSystem = {
  read: async (path) => decode(await readFile(path)),
  async kind(path) {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    return found?.isDirectory() ? 'folder' : found?.isFile() ? 'file' : undefined;
  },
  list: async (folder) => (await readdir(folder)).sort(),
  realPath: (path) => realpath(path),
  async write(path, text, mode = 0o644) {
    await mkdir(dirname(path), { recursive: true });
    const beside = `${path}.${process.pid}.new`;
    await writeFile(beside, text, { mode });
    await rename(beside, path);
  },
};

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
