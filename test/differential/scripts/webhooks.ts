/** Webhooks of admission: who is asked, what they are shown, and what comes of their answers. */
import type { Json, JsonObject } from '../../../src/base/index.ts';
import { applied, get, merge, post, put, remove } from '../build.ts';
import { answerPath, patched, rawPath } from '../hook.ts';
import type { Script, Step } from '../types.ts';

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/{{ns}}/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/{{ns}}/deployments';
const NAME = 'hook.example.com';

type Role = 'validating' | 'mutating';
const path = (role: Role): string => `${ADMISSION}/${role}webhookconfigurations`;

const map = (name: string, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data: { a: 'b' },
});

/** One webhook of the script's own namespace: for config maps, unless `more` says otherwise. */
function webhook(at: string, more: JsonObject = {}): JsonObject {
  return {
    name: NAME,
    clientConfig: { url: `{{hook.url}}${at}`, caBundle: '{{hook.caBundle}}' },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['*'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': '{{ns}}' } },
    objectSelector: { matchExpressions: [{ key: 'probe', operator: 'DoesNotExist' }] },
    ...more,
  };
}

const configuration = (role: Role, webhooks: readonly JsonObject[], name = 'hooks'): Json =>
  ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: role === 'mutating' ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    metadata: { name: `{{run}}-${name}` },
    webhooks,
  }) as Json;

/** A real server takes up a configuration some time after it is written: a probe that only it refuses tells when. */
const PROBE = {
  ...webhook(answerPath({ allowed: false, status: { code: 418 } })),
  name: 'probe.example.com',
  objectSelector: { matchLabels: { probe: '{{probe}}' } },
};
let probes = 0;

/** Steps under these webhooks; they are taken away afterwards. */
function under(role: Role, name: string, webhooks: readonly JsonObject[], steps: readonly Step[]): readonly Step[] {
  probes += 1;
  const label = `p${probes}`;
  const probe = { ...PROBE, objectSelector: { matchLabels: { probe: label } } };
  const asked = (until: number): Step =>
    post(
      `${name}: ${until === 418 ? 'known' : 'forgotten'}`,
      `${MAPS}?dryRun=All`,
      map('probe', { labels: { probe: label } }),
      {
        until,
        compared: false,
      },
    );
  return [
    post(name, path(role), configuration(role, [probe, ...webhooks]), { compared: false }),
    asked(418),
    ...steps.map((step) => ({ ...step, name: `${name}: ${step.name}` })),
    remove(`${name}: without`, `${path(role)}/{{run}}-hooks`),
    asked(201),
  ];
}

const create = (name = 'create'): Step => post(name, MAPS, map('x'));
const gone = remove('delete', `${MAPS}/x`);
const NOWHERE = { url: 'https://127.0.0.1:1/x' };
const service = (more: JsonObject = {}): JsonObject => ({ service: { name: 'none', namespace: '{{ns}}', ...more } });
const answers = (response: Json): JsonObject => webhook(answerPath(response));
const rule = (more: JsonObject): JsonObject => ({
  rules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], operations: ['*'], ...more }],
});

const failures: Script = {
  name: 'hook-failures',
  steps: [
    ...under(
      'validating',
      'nobody there',
      [{ ...webhook('/'), clientConfig: NOWHERE }],
      [
        create(),
        post('in a dry run', `${MAPS}?dryRun=All`, map('x')),
        applied('applied', `${MAPS}/x?fieldManager=m`, map('x')),
      ],
    ),
    ...under(
      'validating',
      'nobody there, ignored',
      [{ ...webhook('/'), clientConfig: NOWHERE, failurePolicy: 'Ignore' }],
      [create(), merge('change', `${MAPS}/x`, { data: { c: 'd' } }), gone],
    ),
    ...under(
      'mutating',
      'nobody there to change',
      [{ ...webhook('/'), clientConfig: NOWHERE, timeoutSeconds: 3 }],
      [create()],
    ),
    ...under('validating', 'no service', [{ ...webhook('/'), clientConfig: service({ path: '/p' }) }], [create()]),
    ...under(
      'validating',
      'no such port',
      [{ ...webhook('/'), clientConfig: { service: { name: 'kubernetes', namespace: 'default', port: 444 } } }],
      [create()],
    ),
    ...under('validating', 'no authority', [{ ...webhook('/'), clientConfig: { url: '{{hook.url}}/' } }], [create()]),
    ...under('validating', 'silence', [webhook('/hang', { timeoutSeconds: 1 })], [create()]),
    ...[400, 401, 404, 500, 503].flatMap((status) =>
      under('validating', `status ${status}`, [webhook(rawPath(status, 'no'))], [create()]),
    ),
    ...under('validating', 'no review', [webhook(rawPath(200, '{}'))], [create()]),
    ...under(
      'validating',
      'no response',
      [webhook(rawPath(200, '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'))],
      [create()],
    ),
    ...under('validating', 'another uid', [answers({ uid: 'other', allowed: true })], [create()]),
    ...under('validating', 'a patch from who may not', [answers(patched({ op: 'remove', path: '/data' }))], [create()]),
    ...under('mutating', 'a patch without a type', [answers({ allowed: true, patch: 'W10=' })], [create()]),
    ...under('mutating', 'a type without a patch', [answers({ allowed: true, patchType: 'JSONPatch' })], [create()]),
    ...under('validating', 'denied', [answers({ allowed: false })], [create()]),
    ...under(
      'validating',
      'denied, and said',
      [
        answers({
          allowed: false,
          status: { message: 'not here', reason: 'Conflict', code: 409 },
          warnings: ['be warned'],
        }),
      ],
      [create()],
    ),
    ...under(
      'validating',
      'denied with a reason',
      [answers({ allowed: false, status: { reason: 'Forbidden' } })],
      [create()],
    ),
    ...under(
      'validating',
      'denied by the second',
      [
        answers({ allowed: true, warnings: ['one', 'two'] }),
        { ...answers({ allowed: false, status: { message: 'no' } }), name: 'second.example.com' },
      ],
      [create()],
    ),
    post(
      'an address that is none',
      path('validating'),
      configuration('validating', [webhook('/', { clientConfig: { url: 'nothing' } })]),
    ),
    post(
      'http',
      path('validating'),
      configuration('validating', [webhook('/', { clientConfig: { url: 'http://127.0.0.1/' } })]),
    ),
    post(
      'a query',
      path('validating'),
      configuration('validating', [webhook('/', { clientConfig: { url: 'https://127.0.0.1/?a=b' } })]),
    ),
    post(
      'a fragment',
      path('validating'),
      configuration('validating', [webhook('/', { clientConfig: { url: 'https://127.0.0.1/#a' } })]),
    ),
    post(
      'a person',
      path('validating'),
      configuration('validating', [webhook('/', { clientConfig: { url: 'https://u:p@127.0.0.1/' } })]),
    ),
  ],
};

const DEPLOYMENT: JsonObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'w' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
  },
};
const everything = rule({ resources: ['configmaps', 'services', 'deployments', 'deployments/*', 'pods'] });

const seen = (role: Role): readonly Step[] =>
  under(
    role,
    `${role}`,
    [webhook('/echo', everything)],
    [
      create('create another'),
      post('with options', `${MAPS}?fieldManager=m&fieldValidation=Strict`, map('x')),
      post('in a dry run', `${MAPS}?dryRun=All`, map('x')),
      merge('change', `${MAPS}/old`, { data: { c: 'd' } }),
      put('replace', `${MAPS}/old?fieldManager=m`, 'old', [{ op: 'add', path: '/data/e', value: 'f' }]),
      applied('apply a new one', `${MAPS}/new?fieldManager=m&force=true`, map('new')),
      applied('apply', `${MAPS}/old?fieldManager=m`, { ...map('old'), data: { q: 'r' } }),
      remove('remove', `${MAPS}/old`, {
        propagationPolicy: 'Background',
        preconditions: { uid: '{{old.metadata.uid}}' },
      }),
      remove('remove in a dry run', `${MAPS}/old?dryRun=All&gracePeriodSeconds=0`),
      remove('remove all', `${MAPS}?labelSelector=which%3Dold`),
      merge('scale', `${DEPLOYMENTS}/w/scale`, { spec: { replicas: 3 } }),
      merge('status', `${DEPLOYMENTS}/w/status`, { status: { replicas: 3 } }),
      post('a service', '/api/v1/namespaces/{{ns}}/services?dryRun=All', {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 's' },
        spec: { ports: [{ port: 80 }] },
      }),
    ],
  );

const reviews: Script = {
  name: 'hook-reviews',
  steps: [
    post('create', MAPS, map('old', { labels: { which: 'old' } }), { keep: 'old' }),
    post('a deployment', DEPLOYMENTS, DEPLOYMENT),
    ...seen('validating'),
    ...seen('mutating'),
  ],
};

const denies = (more: JsonObject): JsonObject => ({ ...answers({ allowed: false }), ...more });
const condition = (...expressions: readonly string[]): JsonObject => ({
  matchConditions: expressions.map((expression, index) => ({ name: `c${index}`, expression })),
});
const only = (name: string, more: JsonObject, steps: readonly Step[] = [create(), gone]): readonly Step[] =>
  under('validating', name, [denies(more)], steps);

const matching: Script = {
  name: 'hook-matching',
  steps: [
    ...only('updates alone', rule({ operations: ['UPDATE'] }), [
      create(),
      merge('change', `${MAPS}/x`, { data: { c: 'd' } }),
      merge('change nothing', `${MAPS}/x`, {}),
      gone,
    ]),
    ...only('deletions alone', rule({ operations: ['DELETE'] }), [create(), gone]),
    remove('delete what was kept', `${MAPS}/x`),
    ...only('another group', rule({ apiGroups: ['apps'] })),
    ...only('another version', rule({ apiVersions: ['v2'] })),
    ...only('subresources alone', rule({ resources: ['configmaps/status'] })),
    ...only('what is in no namespace', rule({ scope: 'Cluster' })),
    ...only('what is in a namespace', rule({ scope: 'Namespaced' })),
    ...only('another namespace', { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'none' } } }),
    ...only('labels', { objectSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } }, [
      create(),
      merge('labelled', `${MAPS}/x`, { metadata: { labels: { app: 'x' } } }),
      gone,
    ]),
    ...only('a condition', condition("object == null || object.metadata.name == 'y'"), [
      create(),
      post('another', MAPS, map('y')),
      gone,
    ]),
    ...only('a condition without a value', condition("object.data.none == 'a'")),
    ...only('that is ignored', { ...condition("object.data.none == 'a'"), failurePolicy: 'Ignore' }),
    ...only('one that does not hold beside it', condition("object.data.none == 'a'", 'false')),
    ...only(
      'a condition on the request',
      condition("request.operation == 'CREATE' && request.userInfo.username != ''"),
      [create()],
    ),
    remove('delete at last', `${MAPS}/x`),
  ],
};

const add = (at: string, value: string): JsonObject => ({ op: 'add', path: at, value });

const changes = answers(patched(add('/data/hooked', 'yes')));
const onWrites = rule({ resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] });
const second = (response: JsonObject): JsonObject => ({ ...answers(response), ...onWrites, name: 'two.example.com' });

const changing: Script = {
  name: 'hook-changes',
  steps: [
    ...under(
      'mutating',
      'a patch',
      [{ ...changes, ...onWrites }],
      [
        create(),
        merge('change', `${MAPS}/x?fieldManager=m`, { data: { c: 'd' } }),
        applied('apply', `${MAPS}/x?fieldManager=m`, { ...map('x'), data: { q: 'r' } }),
        merge('change in a dry run', `${MAPS}/x?dryRun=All`, { data: { hooked: 'no' } }),
        get('as it is', `${MAPS}/x`),
        gone,
      ],
    ),
    ...under('mutating', 'a patch of a deletion', [changes], [create(), gone]),
    remove('delete it', `${MAPS}/x`),
    ...under(
      'mutating',
      'two after another',
      [
        { ...answers(patched(add('/data/first', 'yes'))), ...onWrites },
        second(patched({ op: 'test', path: '/data/first', value: 'yes' }, add('/data/second', 'yes'))),
      ],
      [create(), gone],
    ),
    ...under(
      'mutating',
      'the first once more',
      [
        { ...answers(patched(add('/metadata/annotations', 'none'))), ...onWrites, failurePolicy: 'Ignore' },
        second({ allowed: true }),
      ],
      [create(), gone],
    ),
    ...under('mutating', 'no such key', [answers(patched({ op: 'remove', path: '/data/none' }))], [create()]),
    ...under('mutating', 'no such path', [answers(patched({ op: 'remove', path: '/none/none' }))], [create()]),
    ...under('mutating', 'no such place', [answers(patched(add('/none/none', 'x')))], [create()]),
    ...under(
      'mutating',
      'nothing to replace',
      [answers(patched({ op: 'replace', path: '/data/none', value: 'x' }))],
      [create()],
    ),
    ...under(
      'mutating',
      'a test that fails',
      [answers(patched({ op: 'test', path: '/data/a', value: 'x' }))],
      [create()],
    ),
    ...under('mutating', 'what is not valid', [answers(patched(add('/data/a~1b', 'yes')))], [create()]),
    ...under('mutating', 'what cannot be read', [answers(patched(add('/metadata/labels', 'x')))], [create()]),
    ...under('mutating', 'warned of', [answers({ allowed: true, warnings: ['look out'] })], [create(), gone]),
    ...under('mutating', 'denied', [answers({ allowed: false, status: { message: 'no' } })], [create()]),
  ],
};

export const webhookScripts: readonly Script[] = [failures, reviews, matching, changing];
