import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObject, type Json, type JsonObject, SimulatedClock } from '../base/index.ts';
import { createAccess, gives, type Right, type RoleRule } from './access.ts';
import type { Client } from './types.ts';

const rule = (more: Partial<RoleRule>): RoleRule => ({
  ...{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: [], nonResourceURLs: [] },
  ...more,
});
const right = (more: Partial<Right>): Right => ({ verb: 'get', group: '', resource: 'pods', ...more });

/** Answers reviews from rules per namespace; '' holds for single questions about the whole cluster. */
function reviewer(rules: { [namespace: string]: readonly RoleRule[] }, more: JsonObject = {}, broken = false) {
  const asked: string[] = [];
  const client = {
    async request({ path, body }: { path: string; body: JsonObject }) {
      const spec = isObject(body.spec) ? body.spec : {};
      const { namespace, verb, resource, subresource, ...rest } = (spec.resourceAttributes ?? {}) as JsonObject;
      const whole = subresource === undefined ? resource : `${resource}/${subresource}`;
      asked.push(path.endsWith('rulesreviews') ? `rules ${spec.namespace}` : `${verb} ${whole} ${namespace ?? '*'}`);
      if (broken) return { kind: 'answered', status: 403, body: { message: 'no reviews here' }, warnings: [] };
      const status = path.endsWith('rulesreviews')
        ? { resourceRules: rules[String(spec.namespace)] ?? [], nonResourceRules: [], incomplete: false, ...more }
        : {
            allowed: (rules[String(namespace ?? '')] ?? []).some((one) =>
              gives(one, { ...rest, verb, resource: whole, group: rest.group } as unknown as Right),
            ),
          };
      return { kind: 'answered', status: 201, body: { status } as unknown as Json, warnings: [] };
    },
  } as unknown as Client;
  return { client, asked };
}

describe('rights', () => {
  it('a rule gives what its verbs, groups, resources and names say, and nothing else', () => {
    assert.ok(gives(rule({}), right({})));
    assert.ok(gives(rule({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }), right({ verb: 'x', group: 'y' })));
    assert.ok(!gives(rule({}), right({ verb: 'list' })));
    assert.ok(!gives(rule({}), right({ group: 'apps' })));
    assert.ok(!gives(rule({}), right({ resource: 'pods/log' })), 'a subresource is a right of its own');
    assert.ok(gives(rule({ resources: ['*/log'] }), right({ resource: 'pods/log' })));
    assert.ok(!gives(rule({ resources: ['*/log'] }), right({})));
    assert.ok(gives(rule({ resourceNames: ['a'] }), right({ name: 'a' })));
    assert.ok(!gives(rule({ resourceNames: ['a'] }), right({ name: 'b' })));
    assert.ok(!gives(rule({ resourceNames: ['a'] }), right({})), 'what has no name yet is not that one');
  });

  it('asks one rules review for a namespace, and believes what it gave for a while', async () => {
    const clock = new SimulatedClock();
    const { client, asked } = reviewer({ shop: [rule({ verbs: ['get', 'list'] })] });
    const access = createAccess(client, clock);
    const wanted = [right({ namespace: 'shop', name: 'a' }), right({ namespace: 'shop', verb: 'list' })];
    assert.deepEqual(await access.missing(wanted), { kind: 'answered', value: [] });
    assert.deepEqual(await access.missing(wanted), { kind: 'answered', value: [] });
    assert.deepEqual(asked, ['rules shop']);
    const more = right({ namespace: 'shop', verb: 'delete' });
    assert.deepEqual(await access.missing([...wanted, more, more]), { kind: 'answered', value: [more] });
    assert.deepEqual(asked, ['rules shop', 'rules shop'], 'what is missing is never said from memory');
  });

  it('asks for each right by itself where the list is incomplete, and for the whole cluster', async () => {
    const { client, asked } = reviewer(
      { shop: [rule({})], '': [rule({ resources: ['namespaces'] })] },
      { incomplete: true, resourceRules: [] },
    );
    const access = createAccess(client, new SimulatedClock());
    const refused = right({ namespace: 'shop', verb: 'delete' });
    const whole = right({ resource: 'namespaces', verb: 'create' });
    const found = await access.missing([
      right({ namespace: 'shop' }),
      refused,
      right({ resource: 'namespaces', name: 'shop' }),
      whole,
    ]);
    assert.deepEqual(found, { kind: 'answered', value: [refused, whole] });
    assert.deepEqual(asked.toSorted(), [
      'create namespaces *',
      'delete pods shop',
      'get namespaces *',
      'get pods shop',
      'rules shop',
    ]);
    const before = asked.length;
    await access.missing([right({ resource: 'namespaces', name: 'shop' }), whole]);
    assert.deepEqual(asked.slice(before), ['create namespaces *'], 'only what is missing is asked for anew');
  });

  it('a server that does not say takes nothing away', async () => {
    const { client } = reviewer({}, {}, true);
    const found = await createAccess(client, new SimulatedClock()).missing([right({ namespace: 'shop' })]);
    assert.equal(found.kind, 'unknown');
    assert.match(found.kind === 'unknown' ? found.reason : '', /403 .* no reviews here/);
  });
});
