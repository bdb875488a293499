/** The right to act: each hub that opens a state takes a higher number than all before, and a name that no copy of the state knows. */
import type { Random } from '../base/index.ts';
import type { Tables } from './types.ts';

const HOLDER_BYTES = 16;

/** Durable before the hub says it to anyone. */
export function takeEpoch(tables: Tables, random: Random): { readonly epoch: number; readonly holder: string } {
  const epoch = tables.transaction(() => {
    const next = Number(tables.meta('epoch') ?? '0') + 1;
    tables.setMeta('epoch', String(next));
    return next;
  });
  return { epoch, holder: Buffer.from(random.bytes(HOLDER_BYTES)).toString('hex') };
}
