import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../base/index.ts';
import type { Observation } from '../../protocol/index.ts';
import { createObservations } from './observations.ts';

function observation(name: string, reasonBytes: number): Observation {
  const location = { stack: { project: 'default', name: 'shop' }, kind: 'function', name, cluster: 'a lie' } as const;
  const reasons = reasonBytes === 0 ? {} : { reason: 'CrashLoopBackOff', reasons: ['x'.repeat(reasonBytes)] };
  return { location, revision: 1, bundle: 'sha256:0', status: 'inProgress', message: 'm', ...reasons };
}

it('reasons of a whole fleet stay below their limit; what each is in one line stays', () => {
  const bytesMax = 100_000;
  const merges = fc.array(
    fc.record({
      cluster: fc.constantFrom('a', 'b', 'c'),
      name: fc.stringMatching(/^f[0-9]$/),
      bytes: fc.integer({ min: 0, max: 30_000 }),
      act: fc.constantFrom('tell', 'tell', 'tell', 'gone', 'begin'),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(merges, (steps) => {
      const all = createObservations(bytesMax);
      const expected = new Map<string, string | undefined>();
      for (const cluster of ['a', 'b', 'c']) all.begin(cluster);
      for (const { cluster, name, bytes, act } of steps) {
        const one = observation(name, bytes);
        if (act === 'begin') {
          all.begin(cluster);
          for (const key of [...expected.keys()]) if (key.startsWith(`${cluster}/`)) expected.delete(key);
        } else if (act === 'gone') {
          all.merge(cluster, { kind: 'observed', observations: [], gone: [one.location] });
          expected.delete(`${cluster}/${name}`);
        } else {
          all.merge(cluster, { kind: 'observed', observations: [one] });
          expected.set(`${cluster}/${name}`, one.reason);
        }
      }
      const kept = ['a', 'b', 'c'].flatMap((cluster) => all.of(cluster));
      const names = kept.map(({ location, reason }) => [`${location.cluster}/${location.name}`, reason] as const);
      assert.deepEqual(new Map(names), expected, 'every location is there, with its cause in one line');
      const total = kept.reduce(
        (sum, { reasons }) => sum + (reasons === undefined ? 0 : JSON.stringify(reasons).length),
        0,
      );
      assert.ok(total <= bytesMax, `${total} bytes`);
      const last = steps.at(-1);
      if (last?.act === 'tell' && last.bytes > 0)
        assert.ok(
          all.of(last.cluster).find(({ location }) => location.name === last.name)?.reasons,
          'the newest is kept',
        );
    }),
  );
});

it('what one location says is cut to what can be shown', () => {
  const all = createObservations();
  all.begin('a');
  const large = { ...observation('f', 3 * limits.locationReasonsBytesMax), message: 'm'.repeat(9_000) };
  all.merge('a', { kind: 'observed', observations: [large] });
  const [kept] = all.of('a');
  assert.equal(kept?.reasons, undefined);
  assert.equal(kept?.message.length, 1_000);
  all.merge('unknown', { kind: 'observed', observations: [large] });
  assert.deepEqual(all.of('unknown'), [], 'a cluster without a line says nothing');
});
