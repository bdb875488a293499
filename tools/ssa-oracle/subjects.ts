/** The kinds that the sequences play: built-in ones by their published schemas, and custom ones of every shape that a CRD may have. */
import type { Json, JsonObject, KubeObject } from '../../src/base/index.ts';
import { builtinResources, resourcesOfCrd } from '../../src/sim/schema/index.ts';
import type { ResourceInfo } from '../../src/sim/types.ts';

/** A kind to try: its versions, and for a CRD the schemas that the oracle reads. */
export interface Subject {
  readonly kind: string;
  readonly versions: readonly ResourceInfo[];
  readonly crd?: { readonly [version: string]: Json };
}

const BUILTIN = [
  'apps/Deployment',
  '/Service',
  '/ConfigMap',
  '/Pod',
  'apps/StatefulSet',
  'networking.k8s.io/Ingress',
  'networking.k8s.io/NetworkPolicy',
  '/Secret',
  'batch/Job',
  'rbac.authorization.k8s.io/Role',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'apps/DaemonSet',
  'apps/ReplicaSet',
  'apps/ControllerRevision',
  'batch/CronJob',
  'autoscaling/HorizontalPodAutoscaler',
  'policy/PodDisruptionBudget',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/RoleBinding',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  '/ServiceAccount',
  '/PersistentVolumeClaim',
  '/PersistentVolume',
  '/ResourceQuota',
  '/LimitRange',
  '/Endpoints',
  '/Namespace',
  '/Node',
  '/PodTemplate',
  '/ReplicationController',
  'coordination.k8s.io/Lease',
  'discovery.k8s.io/EndpointSlice',
  'networking.k8s.io/IngressClass',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/StorageClass',
  '/Event',
  'events.k8s.io/Event',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'certificates.k8s.io/CertificateSigningRequest',
  'networking.k8s.io/IPAddress',
  'networking.k8s.io/ServiceCIDR',
  'storage.k8s.io/CSIDriver',
  'storage.k8s.io/CSINode',
  'storage.k8s.io/CSIStorageCapacity',
  'storage.k8s.io/VolumeAttachment',
  'storage.k8s.io/VolumeAttributesClass',
];

const ITEM = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    port: { type: 'integer', default: 80 },
    value: { type: 'string' },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
  },
};
const SPEC_V1 = {
  type: 'object',
  properties: {
    size: { type: 'string' },
    count: { type: 'integer' },
    items: {
      type: 'array',
      items: ITEM,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name', 'port'],
    },
    plain: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } },
    set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    whole: {
      type: 'object',
      properties: { x: { type: 'integer' }, y: { type: 'string' } },
      'x-kubernetes-map-type': 'atomic',
    },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    mixed: { 'x-kubernetes-int-or-string': true },
    nested: {
      type: 'object',
      properties: {
        deep: {
          type: 'object',
          properties: { value: { type: 'string' }, list: { type: 'array', items: { type: 'integer' } } },
        },
      },
    },
  },
};
/** A later version with one list owned as a whole. */
const SPEC_V2 = {
  ...SPEC_V1,
  properties: { ...SPEC_V1.properties, set: { type: 'array', items: { type: 'string' } } },
};
const KEYED_LIST: JsonObject = {
  type: 'array',
  items: ITEM,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
};
const SET_OF_NUMBERS: JsonObject = { type: 'array', items: { type: 'integer' }, 'x-kubernetes-list-type': 'set' };
const KEEPS_UNKNOWN = { 'x-kubernetes-preserve-unknown-fields': true };

/** The shapes that few definitions have, and each within another. */
const SPEC_ODD: JsonObject = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, ...KEEPS_UNKNOWN },
    typed: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      properties: { spec: { type: 'object', properties: { a: { type: 'string' }, list: KEYED_LIST } } },
    },
    objects: { type: 'array', items: { type: 'object', 'x-kubernetes-embedded-resource': true, ...KEEPS_UNKNOWN } },
    open: {
      type: 'object',
      ...KEEPS_UNKNOWN,
      properties: {
        list: KEYED_LIST,
        set: SET_OF_NUMBERS,
        whole: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
        inner: { type: 'object', properties: { known: { type: 'string' }, list: KEYED_LIST } },
      },
    },
    either: { 'x-kubernetes-int-or-string': true },
    eithers: { type: 'array', items: { 'x-kubernetes-int-or-string': true }, 'x-kubernetes-list-type': 'set' },
    eitherByName: { type: 'object', additionalProperties: { 'x-kubernetes-int-or-string': true } },
    rows: { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
    keyed: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: {
        type: 'object',
        properties: {
          id: { type: 'integer' },
          empty: { type: 'string', default: '' },
          set: SET_OF_NUMBERS,
          whole: { type: 'array', items: ITEM, 'x-kubernetes-list-type': 'atomic' },
          inner: KEYED_LIST,
          point: {
            type: 'object',
            'x-kubernetes-map-type': 'atomic',
            properties: { x: { type: 'integer' }, tags: SET_OF_NUMBERS },
          },
        },
      },
    },
    byDefault: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name', 'kind'],
      items: {
        type: 'object',
        properties: { name: { type: 'string' }, kind: { type: 'string', default: '' }, value: { type: 'integer' } },
      },
    },
    granular: {
      type: 'object',
      'x-kubernetes-map-type': 'granular',
      additionalProperties: { type: 'object', properties: { x: { type: 'integer' }, set: SET_OF_NUMBERS } },
    },
    atomicByName: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: { type: 'string' } },
    anything: { ...KEEPS_UNKNOWN },
  },
};
/** A later version in which two lists are owned otherwise. */
const SPEC_ODD_V2: JsonObject = {
  ...SPEC_ODD,
  properties: {
    ...(SPEC_ODD.properties as JsonObject),
    eithers: { type: 'array', items: { 'x-kubernetes-int-or-string': true } },
    atomicByName: { type: 'object', additionalProperties: { type: 'string' } },
  },
};
const root = (spec: JsonObject): JsonObject => ({
  type: 'object',
  properties: { spec, status: { type: 'object', properties: { phase: { type: 'string' } } } },
});

const SCALE_PATHS = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };

/** What the published schema of an embedded resource says beside its own: it is an object with metadata. */
function withEmbedded(schema: Json): Json {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((item) => withEmbedded(item as Json));
  const out = Object.fromEntries(Object.entries(schema).map(([key, item]) => [key, withEmbedded(item as Json)]));
  if (out['x-kubernetes-embedded-resource'] !== true) return out;
  const head = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: META };
  return { ...out, properties: { ...((out.properties ?? {}) as JsonObject), ...head } };
}

function crdSubject(kind: string, specs: { readonly [version: string]: JsonObject }, scales = false): Subject {
  const versions = Object.entries(specs).map(([name, spec], index) => ({
    name,
    served: true,
    storage: index === 0,
    schema: { openAPIV3Schema: root(spec) },
    subresources: scales ? { status: {}, scale: SCALE_PATHS } : { status: {} },
  }));
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'w' },
    spec: { group: 'example.com', scope: 'Namespaced', names: { kind, plural: `${kind.toLowerCase()}s` }, versions },
  };
  const forOracle = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const whole = root(withEmbedded(spec) as JsonObject);
      return [
        name,
        {
          ...whole,
          properties: {
            ...(whole.properties as JsonObject),
            apiVersion: { type: 'string' },
            kind: { type: 'string' },
            metadata: META,
          },
        },
      ];
    }),
  );
  return {
    kind: `example.com/v1/${kind}`,
    versions: resourcesOfCrd(crd as unknown as KubeObject),
    crd: forOracle as { [version: string]: Json },
  };
}

/** ObjectMeta written out, since the oracle's custom types have no other definitions. */
const META: JsonObject = {
  type: 'object',
  properties: {
    ...Object.fromEntries(
      [
        'name',
        'namespace',
        'generateName',
        'uid',
        'resourceVersion',
        'creationTimestamp',
        'deletionTimestamp',
        'selfLink',
      ].map((name) => [name, { type: 'string' }]),
    ),
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
    finalizers: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    generation: { type: 'integer' },
    deletionGracePeriodSeconds: { type: 'integer' },
    ownerReferences: {
      type: 'array',
      items: {
        type: 'object',
        properties: Object.fromEntries([
          ...['apiVersion', 'kind', 'name', 'uid'].map((name) => [name, { type: 'string', default: '' }]),
          ...['controller', 'blockOwnerDeletion'].map((name) => [name, { type: 'boolean' }]),
        ]),
        'x-kubernetes-map-type': 'atomic',
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
    },
    managedFields: {
      type: 'array',
      items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      'x-kubernetes-list-type': 'atomic',
    },
  },
};

export function subjects(): Subject[] {
  const builtin = BUILTIN.map((name) => {
    const [group, kind] = name.split('/');
    const resource = builtinResources().find(
      (item) => item.group === group && item.kind === kind && (group !== 'autoscaling' || item.version === 'v2'),
    ) as ResourceInfo;
    return { kind: group === '' ? `v1/${kind}` : `${group}/${resource.version}/${kind}`, versions: [resource] };
  });
  return [
    ...builtin,
    crdSubject('Widget', { v1: SPEC_V1 }),
    crdSubject('Widget', { v1: SPEC_V1, v2: SPEC_V2 }),
    crdSubject('Gadget', { v1: SPEC_ODD }, true),
    crdSubject('Gadget', { v1: SPEC_ODD, v2: SPEC_ODD_V2 }, true),
  ];
}
