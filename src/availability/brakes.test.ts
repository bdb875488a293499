import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { brakesOn, type ClusterState, type HubState, heldBy, isSilent } from './brakes.ts';
import { type Brake, defaultTimers, type Health } from './types.ts';

const AWAKE: HubState = { awakeMs: 3_600_000, reachable: 'unchecked' };

/** `eu:lost us:ready`, one cluster each, in the region before the colon. */
function fleet(text: string): ClusterState[] {
  return text.split(' ').map((word, index) => {
    const [region = '', health = ''] = word.split(':');
    return state(`${region}-${index}`, region, health as Health);
  });
}

function state(name: string, region: string, health: Health, provider?: string): ClusterState {
  const silentMs = health === 'lost' ? 40_000 : health === 'suspect' ? 20_000 : 1_000;
  const labels: ClusterState['labels'] = provider === undefined ? { region } : { region, provider };
  return { name, labels, health, intent: 'open', silentMs, lostForMs: health === 'lost' ? 10_000 : null };
}

const scopes = (brakes: readonly Brake[]) => brakes.map(({ scope }) => scope);
const on = (text: string, hub = AWAKE) => scopes(brakesOn(fleet(text), hub, defaultTimers));

describe('the fleet brake', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['of 1 one stops', 'eu:lost', ['fleet']],
    ['of 2 one passes', 'eu:lost us:ready', []],
    ['of 3 one passes', 'eu:lost us:ready ap:ready', []],
    ['of 3 two stop', 'eu:lost us:lost ap:ready', ['fleet']],
    ['a suspect one counts as silent', 'eu:lost us:suspect ap:ready', ['fleet']],
    ['a returning one is heard', 'eu:lost us:returning ap:ready', []],
    ['one that never was ready does not thin it out', 'eu:lost us:lost ap:ready x:joining y:joining', ['fleet']],
    ['of 9 four pass', 'a:lost b:lost c:lost d:lost e:ready f:ready g:ready h:ready i:ready', []],
    ['of 9 five stop', 'a:lost b:lost c:lost d:lost e:lost f:ready g:ready h:ready i:ready', ['fleet']],
    ['of 20 eleven are exactly 55 %', `${'a:lost '.repeat(11)}${'b:ready '.repeat(9)}`.trim(), ['fleet', 'region=a']],
  ];
  for (const [name, clusters, expected] of cases) {
    it(name, () => {
      const found = on(clusters).filter(
        (scope) => expected.length === 0 || scope === 'fleet' || expected.includes(scope),
      );
      assert.deepEqual(found.includes('fleet'), expected.includes('fleet'), `${found}`);
    });
  }
});

describe('the domain brake', () => {
  it('2 of 3 silent in a region stop it, and only it', () => {
    const clusters = fleet('eu:lost eu:lost eu:ready us:ready us:ready us:ready us:ready');
    const brakes = brakesOn(clusters, AWAKE, defaultTimers);
    assert.deepEqual(scopes(brakes), ['region=eu']);
    assert.deepEqual([brakes[0]?.silent, brakes[0]?.total], [2, 3]);
    assert.ok(heldBy(clusters[0] as ClusterState, brakes));
    assert.equal(heldBy(clusters[4] as ClusterState, brakes), undefined);
  });
  it('1 of 3 passes', () => assert.deepEqual(on('eu:lost eu:ready eu:ready us:ready us:ready'), []));
  it('a domain of fewer than 3 has no brake of its own', () =>
    assert.deepEqual(on('eu:lost eu:ready us:ready us:ready us:ready'), []));
  it('a wholly silent domain moves while at least two outside are fresh', () => {
    assert.deepEqual(on('eu:lost eu:lost eu:lost us:ready us:ready us:ready'), []);
  });
  it('a wholly silent domain stops when fewer than two outside are fresh', () => {
    assert.ok(on('eu:lost eu:lost eu:lost us:ready us:suspect').includes('region=eu'));
  });
  it('providers are domains too', () => {
    const clusters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, index) =>
      state(name, `r${index}`, index < 2 ? 'lost' : 'ready', index < 3 ? 'acme' : 'other'),
    );
    assert.deepEqual(scopes(brakesOn(clusters, AWAKE, defaultTimers)), ['provider=acme']);
  });
});

describe('the hub brake', () => {
  it('holds everything when no check answers', () =>
    assert.ok(on('eu:lost us:ready', { ...AWAKE, reachable: 'none' }).includes('hub')));
  it('is off when one answers', () => assert.deepEqual(on('eu:lost us:ready', { ...AWAKE, reachable: 'some' }), []));
  it('gives everyone one full lease after the hub itself was away', () => {
    assert.deepEqual(on('eu:lost us:ready', { ...AWAKE, awakeMs: defaultTimers.lostAfterMs - 1 }), ['hub']);
    assert.deepEqual(on('eu:lost us:ready', { ...AWAKE, awakeMs: defaultTimers.lostAfterMs }), []);
  });
});

describe('properties', () => {
  const anyHealth = fc.constantFrom<Health>('joining', 'ready', 'suspect', 'lost', 'returning');
  const anyFleet = fc
    .array(fc.tuple(fc.constantFrom('eu', 'us', 'ap'), anyHealth), { minLength: 1, maxLength: 40 })
    .map((words) => words.map(([region, health], index) => state(`${region}-${index}`, region, health)));

  it('the fleet brake is on exactly from 55 % of all that were ever ready', () => {
    fc.assert(
      fc.property(anyFleet, (clusters) => {
        const counted = clusters.filter(({ health }) => health !== 'joining');
        const silent = counted.filter((cluster) => isSilent(cluster, defaultTimers)).length;
        const fleetOn = scopes(brakesOn(clusters, AWAKE, defaultTimers)).includes('fleet');
        assert.equal(fleetOn, silent > 0 && silent / counted.length >= 0.55 - 1e-12);
      }),
    );
  });

  it('one more silent cluster never releases the fleet brake', () => {
    fc.assert(
      fc.property(anyFleet, fc.nat(), (clusters, pick) => {
        if (!scopes(brakesOn(clusters, AWAKE, defaultTimers)).includes('fleet')) return;
        const index = pick % clusters.length;
        const worse = clusters.map((cluster, at) =>
          at === index && cluster.health !== 'joining'
            ? state(cluster.name, cluster.labels.region ?? '', 'lost')
            : cluster,
        );
        assert.ok(scopes(brakesOn(worse, AWAKE, defaultTimers)).includes('fleet'));
      }),
    );
  });
});
