/** What is the same for every kind: selectors, pages, watches, bodies and headers, deletion, rights, discovery, reviews. */
import type { Json } from '../../../src/base/index.ts';
import { applied, get, jsonPatch, merge, post, put, remove, replace, strategic, table } from '../build.ts';
import type { Script, Step } from '../types.ts';

const MAPS = '/api/v1/namespaces/{{ns}}/configmaps';
const map = (name: string, more: { readonly [key: string]: Json } = {}): Json =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: name, tier: 'x' } }, ...more }) as Json;
const lists = (query: string, name = query): Step => get(name, `${MAPS}?${query}`);
const ours = 'labelSelector=tier%3Dx';

const selectors: Script = {
  name: 'selectors',
  steps: [
    ...['a', 'b', 'c'].map((name) => post(`create ${name}`, MAPS, map(name, { data: { k: name } }))),
    ...[
      'app=a',
      'app==b',
      'app!=a,tier=x',
      'app in (a,b)',
      'app notin (a),tier',
      'tier',
      '!tier',
      'app=a,app=b',
      'app in ()',
      'app in (a',
      'a b',
      'app=a b',
      'app>1',
      '',
    ]
      .map((selector) => lists(`labelSelector=${encodeURIComponent(selector)}`, `labels ${selector}`))
      .filter((step) => step.name !== 'labels !tier' && step.name !== 'labels '),
    ...[
      'metadata.name=a',
      'metadata.name!=a,metadata.namespace={{ns}}',
      'metadata.name=a,metadata.name=b',
      'data.k=a',
      'metadata.name',
    ].map((selector) => lists(`${ours}&fieldSelector=${selector.replaceAll('=', '%3D')}`, `fields ${selector}`)),
    lists(`${ours}&limit=2`, 'first page'),
    get('first page kept', `${MAPS}?${ours}&limit=2`, { keep: 'page' }),
    lists(`${ours}&limit=2&continue={{page.metadata.continue}}`, 'second page'),
    lists(`${ours}&limit=2&continue={{page.metadata.continue}}&resourceVersion=1`, 'a page of a revision'),
    lists(`${ours}&continue=nonsense`, 'a page that is none'),
    lists(`${ours}&limit=-1`, 'a limit below zero'),
    lists(`${ours}&limit=many`, 'a limit that is none'),
    lists(`${ours}&resourceVersion=0`, 'revision 0'),
    lists(`${ours}&resourceVersion=nonsense`, 'revision that is none'),
    lists(`${ours}&resourceVersionMatch=Exact`, 'a match without a revision'),
    lists(`${ours}&resourceVersion=0&resourceVersionMatch=Exact`, 'exactly revision 0'),
    lists(`${ours}&resourceVersion={{page.metadata.resourceVersion}}&resourceVersionMatch=Exact`, 'an exact revision'),
    lists(`${ours}&resourceVersionMatch=Other&resourceVersion=1`, 'an unknown match'),
    get('all namespaces', `/api/v1/configmaps?labelSelector=app%3Da&fieldSelector=metadata.namespace%3D{{ns}}`),
    remove('delete some', `${MAPS}?labelSelector=app%20in%20(a,b)`),
    lists(ours, 'what is left'),
  ],
};

const watches: Script = {
  name: 'watches',
  steps: [
    post('create', MAPS, map('a')),
    get('list', `${MAPS}?${ours}`, { keep: 'list' }),
    {
      name: 'changes',
      method: 'GET',
      path: `${MAPS}?watch=true&timeoutSeconds=5&${ours}&resourceVersion={{list.metadata.resourceVersion}}`,
      during: [
        post('create b', MAPS, map('b')),
        merge('change a', `${MAPS}/a`, { data: { k: '1' } }),
        merge('out of sight', `${MAPS}/a`, { metadata: { labels: { tier: 'y' } } }),
        merge('back in sight', `${MAPS}/a`, { metadata: { labels: { tier: 'x' } } }),
        remove('delete b', `${MAPS}/b`),
      ],
      events: 5,
    },
    {
      name: 'from where it was',
      method: 'GET',
      path: `${MAPS}?watch=true&timeoutSeconds=5&${ours}&resourceVersion={{list.metadata.resourceVersion}}`,
      during: [],
      events: 5,
    },
    {
      name: 'from nowhere',
      method: 'GET',
      path: `${MAPS}?watch=true&timeoutSeconds=5&${ours}`,
      during: [merge('change', `${MAPS}/a`, { data: { k: '2' } })],
      events: 2,
    },
    {
      name: 'one by name',
      method: 'GET',
      path: `${MAPS}?watch=true&timeoutSeconds=5&fieldSelector=metadata.name%3Da&resourceVersion=0`,
      during: [merge('change', `${MAPS}/a`, { data: { k: '3' } }), remove('delete', `${MAPS}/a`)],
      events: 3,
    },
    get('a watch of a revision that is none', `${MAPS}?watch=true&resourceVersion=nonsense&timeoutSeconds=1`),
    get('initial events without a match', `${MAPS}?watch=true&sendInitialEvents=true&timeoutSeconds=1`),
  ],
};

const bodies: Script = {
  name: 'bodies',
  steps: [
    post('no object', MAPS, '[]'),
    post('no JSON', MAPS, '{'),
    post('nothing', MAPS, ''),
    post('null', MAPS, 'null'),
    post('another kind', MAPS, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }),
    post('another version', MAPS, { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'a' } }),
    post('another group', MAPS, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } }),
    post('no kind', MAPS, { metadata: { name: 'bare' }, data: { k: 'v' } }),
    post('another namespace', MAPS, { ...(map('a') as object), metadata: { name: 'a', namespace: 'other' } } as Json),
    post('a revision', MAPS, { ...(map('a') as object), metadata: { name: 'a', resourceVersion: '5' } } as Json),
    post('a generated name', MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'gen-' } }),
    post(
      'repeated fields',
      `${MAPS}?fieldValidation=Strict`,
      '{"metadata":{"name":"r"},"data":{"a":"b"},"data":{"a":"c"}}',
    ),
    post('repeated fields, warned', MAPS, '{"metadata":{"name":"r"},"data":{"a":"b"},"data":{"a":"c"}}'),
    post('unknown validation', `${MAPS}?fieldValidation=Other`, map('v')),
    post('unknown dry run', `${MAPS}?dryRun=Some`, map('v')),
    post('a long manager', `${MAPS}?fieldManager=${'m'.repeat(129)}`, map('v')),
    post('yaml', MAPS, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {k: "y"}\n', {
      headers: { 'Content-Type': 'application/yaml' },
    }),
    post('text', MAPS, 'hello', { headers: { 'Content-Type': 'text/plain' } }),
    post('create', MAPS, map('a', { data: { k: 'v' } }), { keep: 'a' }),
    replace('put what is not there', `${MAPS}/none`, map('none')),
    replace('put under another name', `${MAPS}/a`, map('b')),
    put('put with a field that is unknown', `${MAPS}/a?fieldValidation=Strict`, 'a', [
      { op: 'add', path: '/nothing', value: 1 },
    ]),
    merge('patch what is not there', `${MAPS}/none`, {}),
    merge('patch that is none', `${MAPS}/a`, '['),
    merge('patch of a wrong type', `${MAPS}/a`, { data: { k: 1 } }),
    merge('patch of the kind', `${MAPS}/a`, { kind: 'Secret' }),
    merge('patch of the name', `${MAPS}/a`, { metadata: { name: 'b' } }),
    merge('patch of the uid', `${MAPS}/a`, { metadata: { uid: 'other' } }),
    merge('patch of a stale revision', `${MAPS}/a`, { metadata: { resourceVersion: '1' }, data: { l: 'w' } }),
    jsonPatch('json patch of no list', `${MAPS}/a`, {}),
    jsonPatch('json patch of a missing path', `${MAPS}/a`, [{ op: 'replace', path: '/data/none/x', value: 1 }]),
    jsonPatch('json patch of a key that is not there', `${MAPS}/a`, [
      { op: 'test', path: '/data/none', value: null },
      { op: 'replace', path: '/data/none', value: 'x' },
      { op: 'copy', from: '/data/other', path: '/data/copied' },
      { op: 'replace', path: '/binaryData', value: { x: 'eA==' } },
    ] as Json),
    jsonPatch('json patch that moves what is not there', `${MAPS}/a`, [
      { op: 'move', from: '/data/o', path: '/data/p' },
    ]),
    jsonPatch('json patch of an unknown op', `${MAPS}/a`, [{ op: 'other', path: '/data' }]),
    strategic('replace by strategic patch', `${MAPS}/a`, { data: { $patch: 'replace', n: 'm' } } as Json),
    strategic('delete by strategic patch', `${MAPS}/a`, { data: { $patch: 'delete' } } as Json),
    strategic('unknown strategic directive', `${MAPS}/a`, { data: { $patch: 'other' } } as Json),
    applied('apply without a manager', `${MAPS}/a`, map('a')),
    applied('apply another name', `${MAPS}/a?fieldManager=m`, map('b')),
    applied('apply with managedFields', `${MAPS}/a?fieldManager=m`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', managedFields: [] },
    }),
    applied('apply a list', `${MAPS}/a?fieldManager=m`, '[]'),
    applied('apply with an unknown field', `${MAPS}/a?fieldManager=m`, { ...(map('a') as object), nothing: 1 } as Json),
    get('protobuf refused', `${MAPS}/a`, { headers: { Accept: 'text/html' } }),
    get('as partial metadata', `${MAPS}/a`, {
      headers: { Accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
    }),
    get('list as partial metadata', `${MAPS}?${ours}`, {
      headers: { Accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    }),
    get('as yaml', `${MAPS}/none`, { headers: { Accept: 'application/yaml' } }),
    post('method', `${MAPS}/a`, map('a')),
    get('an unknown resource', '/api/v1/namespaces/{{ns}}/nothings'),
    get('an unknown group', '/apis/nothing.example.com/v1/nothings'),
    get('an unknown version', '/apis/apps/v7/deployments'),
    get('an unknown path', '/nothing'),
    remove('delete with a body that is none', `${MAPS}/a`, '['),
    remove('delete with an unknown dry run', `${MAPS}/a?dryRun=Some`),
    merge('add a finalizer', `${MAPS}/a`, { metadata: { finalizers: ['example.com/held'] } }),
    remove('delete what is held', `${MAPS}/a`),
    remove('delete it again', `${MAPS}/a`),
    merge('change what is going', `${MAPS}/a`, { data: { late: '1' } }),
    merge('add another finalizer', `${MAPS}/a`, { metadata: { finalizers: ['example.com/held', 'example.com/more'] } }),
    merge('let it go', `${MAPS}/a`, { metadata: { finalizers: null } }),
    get('it is gone', `${MAPS}/a`),
  ],
};

const DEPLOYMENTS = '/apis/apps/v1/namespaces/{{ns}}/deployments';
const REPLICA_SETS = '/apis/apps/v1/namespaces/{{ns}}/replicasets';
const OWN = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'own' } };
const web = (spec: { readonly [key: string]: Json }, containers: Json): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
    ...spec,
  },
});

const applies: Script = {
  name: 'applies',
  steps: [
    applied(
      'create',
      `${DEPLOYMENTS}/web?fieldManager=one`,
      web({ replicas: 2 }, [
        {
          name: 'c',
          image: 'i:1',
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
          ports: [{ containerPort: 80 }],
        },
        { name: 'd', image: 'j:1' },
      ]),
    ),
    applied(
      'the same',
      `${DEPLOYMENTS}/web?fieldManager=one`,
      web({ replicas: 2 }, [
        {
          name: 'c',
          image: 'i:1',
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
          ports: [{ containerPort: 80 }],
        },
        { name: 'd', image: 'j:1' },
      ]),
    ),
    applied(
      'another disagrees',
      `${DEPLOYMENTS}/web?fieldManager=two`,
      web({ replicas: 3 }, [{ name: 'c', image: 'i:2' }]),
    ),
    applied(
      'another disagrees in a dry run',
      `${DEPLOYMENTS}/web?fieldManager=two&dryRun=All`,
      web({ replicas: 3 }, []),
    ),
    applied(
      'another agrees',
      `${DEPLOYMENTS}/web?fieldManager=two`,
      web({ replicas: 2 }, [{ name: 'c', image: 'i:1' }]),
    ),
    applied(
      'by force',
      `${DEPLOYMENTS}/web?fieldManager=two&force=true`,
      web({ replicas: 5 }, [{ name: 'c', image: 'i:2' }]),
    ),
    applied(
      'the first comes back',
      `${DEPLOYMENTS}/web?fieldManager=one`,
      web({ replicas: 2 }, [{ name: 'c', image: 'i:1' }]),
    ),
    applied('the first lets go', `${DEPLOYMENTS}/web?fieldManager=one`, web({}, [{ name: 'd', image: 'j:1' }])),
    applied('the second lets go', `${DEPLOYMENTS}/web?fieldManager=two`, web({}, [{ name: 'c', image: 'i:2' }])),
    applied('twice the same item', `${DEPLOYMENTS}/web?fieldManager=two`, web({}, [{ name: 'c' }, { name: 'c' }])),
    applied('a wrong type', `${DEPLOYMENTS}/web?fieldManager=two`, web({ replicas: 'many' }, [])),
    applied(
      'an invalid value',
      `${DEPLOYMENTS}/web?fieldManager=two`,
      web({ replicas: -1 }, [{ name: 'c', image: 'i:2' }]),
    ),
    strategic('a container by strategic patch', `${DEPLOYMENTS}/web?fieldManager=three`, {
      spec: {
        template: { spec: { containers: [{ name: 'c', env: [{ name: 'C', value: '3' }] }] } },
      },
    } as Json),
    strategic('a container removed', `${DEPLOYMENTS}/web?fieldManager=three`, {
      spec: { template: { spec: { containers: [{ name: 'd', $patch: 'delete' }] } } },
    } as Json),
    strategic('an order and what to keep', `${DEPLOYMENTS}/web?fieldManager=three`, {
      spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    } as Json),
    merge('ownership given up', `${DEPLOYMENTS}/web`, { metadata: { managedFields: [{}] } }),
    applied(
      'the first after that',
      `${DEPLOYMENTS}/web?fieldManager=one`,
      web({ replicas: 2 }, [{ name: 'c', image: 'i:1' }]),
    ),
    applied('status', `${DEPLOYMENTS}/web/status?fieldManager=reporter`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      status: { replicas: 1, conditions: [{ type: 'Available', status: 'True' }] },
    }),
    applied('scale', `${DEPLOYMENTS}/web/scale?fieldManager=scaler`, {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'web' },
      spec: { replicas: 4 },
    }),
    get('at last', `${DEPLOYMENTS}/web`),
    table('as a table', DEPLOYMENTS),
    applied('a selector of one owner', `${REPLICA_SETS}/own?fieldManager=one`, {
      ...OWN,
      spec: {
        selector: { matchLabels: { app: 'own' } },
        template: { metadata: { labels: { app: 'own' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
      },
    }),
    applied('its owner lets go of everything', `${REPLICA_SETS}/own?fieldManager=one`, OWN),
  ],
};

const as = (user: string): { readonly [name: string]: string } => ({ 'Impersonate-User': user });
const RBAC = '/apis/rbac.authorization.k8s.io/v1/namespaces/{{ns}}';
const review = (kind: string, spec: Json): Json => ({ apiVersion: 'authorization.k8s.io/v1', kind, spec });
const REVIEWS = '/apis/authorization.k8s.io/v1';

const rights: Script = {
  name: 'rights',
  steps: [
    post('role', `${RBAC}/roles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reader' },
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] },
        { apiGroups: ['apps'], resources: ['deployments/scale'], resourceNames: ['web'], verbs: ['*'] },
        { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create', 'update'] },
      ],
    }),
    post('binding', `${RBAC}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: '{{run}}-u' }],
    }),
    get('until it may', `${MAPS}?${ours}`, { headers: as('{{run}}-u'), until: 200, compared: false }),
    get('may list', `${MAPS}?${ours}`, { headers: as('{{run}}-u') }),
    get('may not list elsewhere', '/api/v1/namespaces/kube-system/configmaps', { headers: as('{{run}}-u') }),
    get('may not list everywhere', '/api/v1/configmaps', { headers: as('{{run}}-u') }),
    post('may not create', MAPS, map('x'), { headers: as('{{run}}-u') }),
    merge('may not patch', `${MAPS}/x`, {}, { headers: as('{{run}}-u') }),
    get('may scale', `${DEPLOYMENTS}/web/scale`, { headers: as('{{run}}-u') }),
    get('may not scale another', `${DEPLOYMENTS}/other/scale`, { headers: as('{{run}}-u') }),
    get('may not read metrics', '/metrics', { headers: as('{{run}}-u') }),
    get('a group', `${MAPS}?${ours}`, { headers: { ...as('{{run}}-v'), 'Impersonate-Group': 'system:masters' } }),
    post(
      'may not grant what it has not',
      `${RBAC}/roles`,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'more' },
        rules: [
          { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
          { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'delete'] },
        ],
      },
      { headers: as('{{run}}-u') },
    ),
    post(
      'may grant what it has',
      `${RBAC}/roles`,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'less' },
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
      },
      { headers: as('{{run}}-u') },
    ),
    post(
      'may not bind a greater role',
      `${RBAC}/rolebindings`,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'admin' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: '{{run}}-u' }],
      },
      { headers: as('{{run}}-u') },
    ),
    ...[
      { verb: 'list', resource: 'configmaps', namespace: '{{ns}}' },
      { verb: 'delete', resource: 'configmaps', namespace: '{{ns}}' },
      {
        verb: 'update',
        group: 'apps',
        resource: 'deployments',
        subresource: 'scale',
        name: 'web',
        namespace: '{{ns}}',
      },
    ].map((attributes, index) =>
      post(
        `self review ${index}`,
        `${REVIEWS}/selfsubjectaccessreviews`,
        review('SelfSubjectAccessReview', { resourceAttributes: attributes }),
        {
          headers: as('{{run}}-u'),
        },
      ),
    ),
    post(
      'review',
      `${REVIEWS}/subjectaccessreviews`,
      review('SubjectAccessReview', {
        user: '{{run}}-u',
        resourceAttributes: { verb: 'list', resource: 'configmaps', namespace: '{{ns}}' },
      }),
    ),
    post(
      'review of nobody',
      `${REVIEWS}/subjectaccessreviews`,
      review('SubjectAccessReview', { resourceAttributes: { verb: 'list', resource: 'configmaps' } }),
    ),
    post('review of nothing', `${REVIEWS}/subjectaccessreviews`, review('SubjectAccessReview', { user: 'u' })),
    post(
      'review of a path',
      `${REVIEWS}/subjectaccessreviews`,
      review('SubjectAccessReview', { user: 'u', nonResourceAttributes: { path: '/version', verb: 'get' } }),
    ),
    post(
      'whoami',
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      { headers: as('{{run}}-u') },
    ),
    post('token', '/api/v1/namespaces/{{ns}}/serviceaccounts/default/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 60 },
    }),
    post('token of nobody', '/api/v1/namespaces/{{ns}}/serviceaccounts/none/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {},
    }),
    post('token review', '/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 'x' },
    }),
    post('token review of nothing', '/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: {},
    }),
  ],
};

const discovery: Script = {
  name: 'discovery',
  steps: [
    ...['/api', '/version/none', '/healthz', '/livez', '/readyz', '/livez/ping', '/livez/none'].map((path) =>
      get(path, path),
    ),
    ...[
      'apps',
      'batch',
      'autoscaling',
      'networking.k8s.io',
      'policy',
      'rbac.authorization.k8s.io',
      'coordination.k8s.io',
      'discovery.k8s.io',
      'events.k8s.io',
      'scheduling.k8s.io',
      'storage.k8s.io',
      'apiextensions.k8s.io',
      'admissionregistration.k8s.io',
      'certificates.k8s.io',
      'authentication.k8s.io',
      'authorization.k8s.io',
    ].flatMap((group) => [get(group, `/apis/${group}`), get(`${group}/v1`, `/apis/${group}/v1`)]),
    get('autoscaling/v2', '/apis/autoscaling/v2'),
  ],
};

export const generalScripts: readonly Script[] = [selectors, watches, bodies, applies, rights, discovery];
