/** The three sources of a master key (DESIGN §10): a file of mode 0600, a value (of an environment variable), a command. */
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { errorText, type Random, StoreError } from '../base/index.ts';
import type { MasterKey } from './types.ts';

const COMMAND_TIMEOUT_MS = 30_000;

/** Base64 of 32 bytes in a file that only its owner may read; made when a new state needs one. */
export function fileMasterKey(path: string, random: Random): MasterKey {
  return {
    load() {
      const mode = modeOf(path);
      if (mode === undefined) return undefined;
      if ((mode & 0o077) !== 0) {
        const seen = (mode & 0o777).toString(8).padStart(4, '0');
        throw new StoreError('key', `${path} has mode ${seen}: others can read it. Make it 0600 (chmod 600 ${path})`);
      }
      return decode(readFileSync(path, 'utf8'), path);
    },
    create() {
      const key = random.bytes(32);
      const partial = `${path}.new`;
      try {
        rmSync(partial, { force: true });
        writeFileSync(partial, `${Buffer.from(key).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
        chmodSync(partial, 0o600);
        linkSync(partial, path); // never replaces a key that is there
        rmSync(partial);
      } catch (error) {
        throw new StoreError('key', `cannot write the master key ${path}: ${errorText(error)}`);
      }
      return key;
    },
  };
}

/** @param name where the value came from, for messages, such as `LDC_MASTER_KEY` */
export function valueMasterKey(base64: string, name: string): MasterKey {
  return { load: () => decode(base64, name), create: () => decode(base64, name) };
}

/** A hook that prints the key in base64, such as a call to a key management service. */
export function commandMasterKey(command: readonly [string, ...string[]]): MasterKey {
  const load = () => {
    const [file, ...args] = command;
    try {
      return decode(
        execFileSync(file, args, { encoding: 'utf8', timeout: COMMAND_TIMEOUT_MS }),
        `the output of ${file}`,
      );
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError('key', `the master key command ${file} failed: ${errorText(error)}`);
    }
  };
  return { load, create: load };
}

function decode(text: string, source: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32) {
    throw new StoreError('key', `${source} holds ${key.length} bytes of base64; a master key has 32`);
  }
  return new Uint8Array(key);
}

function modeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mode;
}
