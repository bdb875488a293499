import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { isObject, type KubeObject } from '../../base/index.ts';

/** One line of the file: an object as it was stored, or the key of one that went away. */
export type FileEntry =
  | { readonly kind: 'put'; readonly revision: number; readonly bucket: string; readonly object: KubeObject }
  | { readonly kind: 'remove'; readonly revision: number; readonly bucket: string; readonly key: string };

/** Where an object store keeps its changes. In memory there is none. */
export interface ChangeFile {
  /** Everything written so far, in order, and the revision below which no history is left. */
  read(): { readonly floor: number; readonly entries: readonly FileEntry[] };
  /** The entry is in the hands of the operating system when this returns: it survives the end of this process. */
  append(entry: FileEntry): void;
  /** Replaces the content by `entries` when the file has grown to several times what is alive. */
  compactWhenDue(floor: number, live: () => Iterable<FileEntry>): void;
  close(): void;
}

const FORMAT = 1;
const COMPACT_BYTES_MIN = 4 * 1024 * 1024;
const COMPACT_GROWTH = 4;

/**
 * An append-only file of JSON lines. Writes are ordered but not synced one by one: a kill -9 loses nothing, a power cut may
 * lose the newest lines but never leaves a hole. A torn last line is dropped at the next opening.
 * @throws Error when a line other than the last is no entry: the file was damaged by someone else.
 */
export function openChangeFile(path: string): ChangeFile {
  const temporary = `${path}.new`;
  let content = existsSync(path) ? parse(path, readFileSync(path)) : undefined;
  if (content === undefined) writeWhole(temporary, path, 0, []);
  let descriptor = openSync(path, 'a');
  if (content !== undefined) ftruncateSync(descriptor, content.bytes);
  let bytes = content?.bytes ?? 0;
  let bytesWhenCompacted = COMPACT_BYTES_MIN / COMPACT_GROWTH;
  return {
    read() {
      const { floor, entries } = content ?? { floor: 0, entries: [] };
      content = undefined; // read once, at opening: do not hold the text of every object twice
      return { floor, entries };
    },
    append(entry) {
      bytes += writeSync(descriptor, `${encode(entry)}\n`);
    },
    compactWhenDue(floor, live) {
      if (bytes < COMPACT_BYTES_MIN || bytes < bytesWhenCompacted * COMPACT_GROWTH) return;
      bytes = writeWhole(temporary, path, floor, live());
      bytesWhenCompacted = bytes;
      closeSync(descriptor);
      descriptor = openSync(path, 'a');
    },
    close: () => closeSync(descriptor),
  };
}

function writeWhole(temporary: string, path: string, floor: number, entries: Iterable<FileEntry>): number {
  const descriptor = openSync(temporary, 'w', 0o600);
  let bytes = 0;
  try {
    bytes += writeSync(descriptor, `${JSON.stringify({ format: FORMAT, floor })}\n`);
    for (const entry of entries) bytes += writeSync(descriptor, `${encode(entry)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path); // only a whole file takes the place of the old one
  return bytes;
}

function encode(entry: FileEntry): string {
  return entry.kind === 'put'
    ? JSON.stringify({ r: entry.revision, b: entry.bucket, o: entry.object })
    : JSON.stringify({ r: entry.revision, b: entry.bucket, d: entry.key });
}

function parse(path: string, data: Buffer): { floor: number; entries: FileEntry[]; bytes: number } | undefined {
  const entries: FileEntry[] = [];
  let floor: number | undefined;
  let start = 0;
  for (let end = data.indexOf(10, start); end !== -1; end = data.indexOf(10, start)) {
    const line = data.toString('utf8', start, end);
    const isLast = data.indexOf(10, end + 1) === -1;
    const value = parseLine(line);
    if (value === undefined && isLast) break;
    if (value === undefined) throw new Error(`${path}: byte ${start}: not a line of an object file`);
    if (floor === undefined) floor = headerFloor(path, value);
    else entries.push(decode(path, value));
    start = end + 1;
  }
  return floor === undefined ? undefined : { floor, entries, bytes: start };
}

function parseLine(line: string): { [key: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function headerFloor(path: string, value: { [key: string]: unknown }): number {
  if (value.format !== FORMAT || typeof value.floor !== 'number') {
    throw new Error(`${path}: format ${String(value.format)}, this program reads ${FORMAT}`);
  }
  return value.floor;
}

function decode(path: string, value: { [key: string]: unknown }): FileEntry {
  const { r: revision, b: bucket, o: object, d: key } = value;
  if (typeof revision === 'number' && typeof bucket === 'string') {
    if (isObject(object)) return { kind: 'put', revision, bucket, object: object as unknown as KubeObject };
    if (typeof key === 'string') return { kind: 'remove', revision, bucket, key };
  }
  throw new Error(`${path}: a line is neither an object nor a removal`);
}
