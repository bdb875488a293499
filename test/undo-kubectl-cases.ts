/**
 * The independent comparison of a rollback (issue 5, part 2): `kubectl get -o yaml` before and after a deploy that was undone,
 * compared field by field with its owners by nothing of ours, must agree with `rollback.verified`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { routes } from '../src/api/client/index.ts';
import { isObject, type KubeObject } from '../src/base/index.ts';
import type { TransactionView } from '../src/saga/index.ts';
import { findKubectls } from './kubectl/binaries.ts';
import type { Kubectl } from './kubectl/types.ts';
import { imageDifferences, imageOf } from './undo-image.ts';
import { startWorld, until, type World, type WorldOptions } from './world.ts';
import { configMap, deployment, secret, service, stackOf } from './world-objects.ts';

const KINDS = 'namespaces,deployments,services,configmaps,secrets,serviceaccounts,roles,jobs';
const COMMAND_MS_MAX = 60_000;
const WAIT_MS_MAX = 60_000;
const kubectls = findKubectls();
const newest = kubectls.at(-1);

/** Object by object, as one kubectl prints them. */
type Images = { readonly [object: string]: unknown };

/** @param minors how many of the kubectls at hand read; the newest first. */
export function undoKubectlCases(title: string, options: WorldOptions, minors: number, skip: string | false): void {
  const missing = newest === undefined ? 'NO KUBECTL ON THIS MACHINE: nothing was checked with it' : false;
  const readers = [...kubectls].reverse().slice(0, minors);
  describe(`an undo as kubectl sees it, on ${title}`, { skip: skip || missing }, () => {
    let world: World;
    const home = mkdtempSync(join(tmpdir(), 'ldc-undo-kubectl-'));
    before(async () => {
      world = await startWorld(options);
    });
    after(async () => {
      rmSync(home, { recursive: true, force: true });
      await world?.close();
    });

    const type = async (cluster: string, kubectl: Kubectl, args: readonly string[]) => {
      const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: world.cluster(cluster).kubeconfigPath };
      const limits = { env, timeout: COMMAND_MS_MAX, maxBuffer: 16 << 20 };
      return (await promisify(execFile)(kubectl.path, args, limits)).stdout;
    };
    const typed = (cluster: string, text: string) => type(cluster, newest as Kubectl, text.split(' '));
    /** What all kubectls read, which is one thing. */
    const look = async (cluster: string, namespace: string, by: readonly Kubectl[]): Promise<Images> => {
      const args = ['get', KINDS, '-n', namespace, '-o', 'yaml', '--show-managed-fields'];
      const all = await Promise.all(by.map((kubectl) => type(cluster, kubectl, args)));
      const [first, ...others] = all.map((text) => imagesIn(text, namespace));
      for (const other of others) assert.deepEqual(other, first);
      return first as Images;
    };
    const looks = (namespace: string, by = readers.slice(0, 1)) =>
      Promise.all(world.names.map((name) => look(name, namespace, by)));
    /** Begins the second revision and asks for its undo when all of it is applied and soaks. */
    const undone = async (name: string, meanwhile: (cluster: string) => Promise<unknown>) => {
      const id = await world.submit(revision(name, 2, world.names.length));
      await until(`${name} soaks`, WAIT_MS_MAX, async () => {
        const { state, plan, cause } = await world.get(id);
        assert.ok(!['rolledBack', 'stuck', 'committed'].includes(state), JSON.stringify([state, cause]));
        return plan.steps.some(({ action, status }) => action === 'soak' && status === 'started');
      });
      for (const cluster of world.names) await meanwhile(cluster);
      await world.client.call(routes.transactions.abort, { params: { id }, body: { reason: 'a test' } });
      return world.finished(id);
    };
    const prepared = async (name: string) => {
      const { state, cause } = await world.apply(revision(name, 1, world.names.length));
      assert.equal(state, 'committed', JSON.stringify(cause));
      for (const cluster of world.names) {
        await typed(cluster, `scale deployment/web --replicas=3 -n ${name}`);
        await typed(cluster, `annotate configmap/settings example.com/team=blue -n ${name}`);
        await typed(cluster, `label service/web tier=front -n ${name}`);
        const patch = '{"data":{"shared":"theirs"}}';
        await typed(cluster, `patch configmap settings -n ${name} --field-manager=hand --type=merge -p ${patch}`);
      }
    };

    it('nobody else has acted: not a field differs, nor an owner, and the proof says equal', async () => {
      await prepared('calm');
      const then = await looks('calm', readers);
      const view = await undone('calm', async () => {
        assert.notDeepEqual(await looks('calm'), then, 'the deploy has changed something');
      });
      assert.equal(view.state, 'rolledBack', JSON.stringify([view.cause, view.rollback, view.stuck]));
      const verified = verifiedOf(view);
      assert.deepEqual(imageDifferences(then, await looks('calm', readers)), []);
      assert.deepEqual([verified.equal, verified.explained, verified.differences], [true, 0, []]);
      assert.equal(verified.digestBefore, verified.digestAfter);
    });

    it('others have acted meanwhile: what kubectl finds different is what the proof names, and nothing else', async () => {
      await prepared('busy');
      const then = await looks('busy');
      const view = await undone('busy', async (cluster) => {
        await typed(cluster, 'annotate configmap/settings example.com/late=yes -n busy');
        await typed(cluster, 'annotate service/web example.com/late=yes -n busy');
        const patch = '{"data":{"mode":"late"}}';
        await typed(cluster, `patch configmap settings -n busy --field-manager=late --type=merge -p ${patch}`);
      });
      assert.equal(view.state, 'rolledBack', JSON.stringify([view.cause, view.rollback, view.stuck]));
      const { equal, explained, differences } = verifiedOf(view);
      const found = (await looks('busy')).flatMap((now, index) => {
        const changed = imageDifferences(then[index], now).map((text) => text.slice(1, text.indexOf(': ')));
        return changed.map((place) => `${world.names[index]} ${place}`);
      });
      const values = found.filter((place) => !place.includes('.metadata.owners'));
      const named = differences.map((one) => {
        assert.ok(isObject(one) && isObject(one.ref) && one.explained !== undefined, JSON.stringify(one));
        return `${one.cluster} ${one.ref.kind}/${one.ref.name}${one.field === 'owner' ? '.owner' : one.field}`;
      });
      assert.deepEqual(values.sort(), named.filter((place) => !place.endsWith('.owner')).sort());
      const owned = (places: readonly string[]) => [...new Set(places.map((place) => /^\S+ \w+\/\w+/.exec(place)?.[0]))].sort(); // biome-ignore format: one expression
      assert.deepEqual(owned(found), owned(named), 'owners moved on the same objects');
      assert.deepEqual([equal, explained], [true, differences.length]);
      assert.equal(values.length, 3 * world.names.length, values.join());
    });
  });
}

function imagesIn(text: string, namespace: string): Images {
  const { items } = parse(text) as { items: readonly KubeObject[] };
  // others' namespaces are listed, too: they have none
  const own = items.filter(({ kind, metadata }) => kind !== 'Namespace' || metadata.name === namespace);
  return Object.fromEntries(own.map((object) => [`${object.kind}/${object.metadata.name}`, imageOf(object)]));
}

function verifiedOf({ rollback }: TransactionView) {
  return rollback?.verified ?? assert.fail('it was not verified');
}

/** The second takes what others own by force, and changes, adds and drops. */
function revision(name: string, number: 1 | 2, clusters: number) {
  const second = number === 2;
  const web = service('web') as KubeObject & { spec: object };
  const objects = [
    configMap('settings', second ? { mode: 'two', shared: 'ours', more: '1' } : { mode: 'one', shared: 'first', less: '1' }), // biome-ignore format: a row
    secret('login', { password: second ? 'second-password' : 'first-password' }),
    deployment('web', { replicas: second ? 2 : 1, version: String(number) }),
    second ? { ...web, spec: { ...web.spec, type: 'NodePort', sessionAffinity: 'ClientIP' } } : web,
    ...(second ? [configMap('new', { a: '1' })] : []),
  ];
  const locations = { min: clusters, max: clusters };
  const more = { conflicts: 'take', drift: 'ignore' };
  return stackOf({
    name,
    functions: { web: { objects, locations, more } },
    rollout: { soak: second ? '120s' : '0s', deadline: '300s' },
  });
}
