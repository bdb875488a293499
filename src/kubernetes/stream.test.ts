import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cutLines, streamLines } from './stream.ts';

async function* chunksOf(...chunks: readonly (string | Uint8Array)[]) {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}
async function linesOf(body: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const lines: string[] = [];
  const end = await streamLines<never>(body, async (line) => {
    lines.push(line);
    return undefined;
  });
  assert.equal(end.kind, 'ended');
  return lines;
}

describe('lines', () => {
  it('are cut at their length, however they come in pieces, and the next one is whole', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(12)), async (lines, sizes) => {
        const text = Buffer.from(lines.map((one) => `${one}\n`).join(''));
        const chunks: Uint8Array[] = [];
        for (let at = 0, n = 0; at < text.length; n++) {
          const size = 1 + (sizes[n % Math.max(1, sizes.length)] ?? 5);
          chunks.push(text.subarray(at, at + size));
          at += size;
        }
        const cut = await linesOf(cutLines(chunksOf(...chunks), 10));
        assert.deepEqual(
          cut,
          lines.map((one) => one.slice(0, 10)).filter((one) => one !== ''),
        );
      }),
    );
  });

  it('that do not end are not held', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    let seen = 0;
    async function* endless() {
      for (let n = 0; n < 2_000; n++) yield piece; // 125 MiB
      yield Buffer.from('\nnext\n');
    }
    for await (const chunk of cutLines(endless(), 10_000)) seen += chunk.length;
    assert.equal(seen, 10_000 + '\nnext\n'.length);
    assert.deepEqual(await linesOf(cutLines(endless(), 10)), ['x'.repeat(10), 'next']);
  });
});
