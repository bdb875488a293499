/**
 * Random sequences of applies and updates, driven by the published schemas, and what our own server-side apply makes of
 * them. The oracle (`main.go`) plays the same steps through the field manager of a real API server.
 */
import { isObject, type Json, type JsonObject, type KubeObject, type Random } from '../../src/base/index.ts';
import { apply, applyScale, trackScale, trackUpdate } from '../../src/sim/apply/index.ts';
import { resolve, throughWire } from '../../src/sim/schema/index.ts';
import type { ApplyResult, ResourceInfo, TypeSchema } from '../../src/sim/types.ts';
import type { Subject } from './subjects.ts';

export interface Step {
  readonly op: 'apply' | 'update';
  readonly manager: string;
  readonly force: boolean;
  /** Of `scale` the object is a Scale. */
  readonly subresource: string;
  readonly version: string;
  /** Unix seconds. */
  readonly time: number;
  readonly object: Json;
}

export interface Sequence {
  readonly kind: string;
  readonly crd?: { readonly [version: string]: Json };
  readonly steps: readonly Step[];
}

export interface Answer {
  readonly object?: Json;
  readonly conflicts?: readonly JsonObject[];
  readonly error?: string;
  readonly code?: number;
}

const EPOCH = 1_700_000_000;
const MANAGERS = ['alpha', 'beta', 'kubectl', 'controller'];
const SPECIAL: { readonly [definition: string]: readonly Json[] } = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': ['1', '500m', '0.5', '1Gi', '1024Mi', '2000m', 0],
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': [0, 1, 'http', '25%'],
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': ['2026-01-02T03:04:05Z', '2026-01-02T04:04:05+01:00', null],
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': ['2026-01-02T03:04:05.000001Z'],
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': [true, false, { type: 'string' }],
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': [{ type: 'string' }, [{}, {}]],
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': [['a'], { type: 'string' }],
  'io.k8s.apimachinery.pkg.runtime.RawExtension': [{ a: 1 }, { a: { b: [1] } }],
};

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.min(from.length - 1, Math.floor(random.next() * from.length))] as T;
}

export class Generator {
  readonly random: Random;
  /** How likely a property is to be set. */
  density = 0.3;

  constructor(random: Random) {
    this.random = random;
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  value(declared: TypeSchema, depth: number): Json {
    const special = declared.ref === undefined ? undefined : SPECIAL[declared.ref];
    if (special !== undefined) return pick(this.random, special);
    const schema = resolve(declared);
    switch (schema.type) {
      case 'object':
        return this.object(schema, depth);
      case 'array':
        return this.list(schema, depth);
      case 'integer':
      case 'number':
        return pick(this.random, [0, 1, 2, 80]);
      case 'boolean':
        return this.chance(0.5);
      case 'string':
        return schema.keywords?.format === 'byte'
          ? pick(this.random, ['YQ==', 'Yg==', ''])
          : pick(this.random, ['a', 'b', 'c', 'd<&>', '']);
      default:
        return pick<Json>(this.random, ['a', 1, true, { x: 1, y: 'b' }, { x: { z: 2 } }, [1, 2], null]);
    }
  }

  object(schema: TypeSchema, depth: number): Json {
    const out: { [key: string]: Json } = {};
    const names = Object.keys(schema.properties ?? {});
    const wanted = depth <= 0 ? 0 : Math.min(this.density, 3 / Math.max(1, names.length) + 0.08);
    for (const name of names) {
      const property = schema.properties?.[name] as TypeSchema;
      if (this.chance(wanted)) out[name] = this.value(property, depth - 1);
    }
    if (names.length > 0 && schema.preserveUnknownFields !== true) return out;
    const item = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    if (item === undefined && schema.additionalProperties === false) return out;
    for (const key of ['k', 'l', 'm.n/o']) {
      if (this.chance(0.4))
        out[key] = item === undefined ? pick<Json>(this.random, ['a', 1, { x: 1 }, [1]]) : this.value(item, depth - 1);
    }
    return out;
  }

  list(schema: TypeSchema, depth: number): Json {
    const items = schema.items as TypeSchema;
    const count = depth <= 0 ? 0 : pick(this.random, [0, 1, 1, 2, 3]);
    const out: Json[] = [];
    for (let index = 0; index < count; index++) out.push(this.item(schema, items, depth));
    return out;
  }

  item(schema: TypeSchema, items: TypeSchema, depth: number): Json {
    const value = this.value(items, depth - 1);
    const keys = schema.listMapKeys ?? (schema.patchMergeKey === undefined ? [] : [schema.patchMergeKey]);
    if (keys.length === 0 || !isObject(value)) return value;
    const keyed: { [key: string]: Json | undefined } = { ...value };
    const properties = resolve(items).properties ?? {};
    for (const key of keys) {
      const property = properties[key];
      if (property?.default !== undefined && this.chance(0.4)) delete keyed[key];
      else keyed[key] = property?.type === 'integer' ? pick(this.random, [80, 81]) : pick(this.random, ['a', 'b', 'c']);
    }
    return keyed as Json;
  }
}

function asLists(value: Json, keysOf: (list: readonly Json[]) => string): Json {
  if (Array.isArray(value)) {
    const seen = new Set<string>();
    const list = value.map((item) => asLists(item as Json, keysOf));
    return list.filter((item) => {
      const key = keysOf([item]);
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asLists(item as Json, keysOf)]));
}

/** Without items of equal key: most applies should be accepted. */
function withoutDuplicates(value: Json): Json {
  const key = ([item]: readonly Json[]): string => {
    if (!isObject(item)) return JSON.stringify(item);
    const ids = [
      'name',
      'key',
      'ip',
      'uid',
      'type',
      'containerPort',
      'port',
      'mountPath',
      'devicePath',
      'topologyKey',
      'id',
    ];
    const found = ids.filter((id) => item[id] !== undefined);
    const id = found.includes('name') && item.image !== undefined ? ['name'] : found;
    return id.length === 0
      ? JSON.stringify(item)
      : id
          .slice(0, 1)
          .map((name) => JSON.stringify(item[name]))
          .join();
  };
  return asLists(value, key);
}

const META_FIELDS = ['labels', 'annotations', 'finalizers', 'ownerReferences'];

/** A configuration of the kind: what an applier might send. */
export function configuration(generator: Generator, resource: ResourceInfo): JsonObject {
  const schema = resolve(resource.schema as TypeSchema);
  const body = generator.object(schema, 7) as JsonObject;
  const meta = resolve((schema.properties as { [name: string]: TypeSchema }).metadata as TypeSchema);
  const metadata: { [key: string]: Json } = { name: 'n', namespace: 'ns' };
  for (const field of META_FIELDS) {
    const property = meta.properties?.[field];
    if (property !== undefined && generator.chance(0.2)) metadata[field] = generator.value(property, 3);
  }
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const { managedFields: _, ...rest } = body;
  if (generator.chance(0.75) && schema.properties?.spec !== undefined) {
    generator.density = 0.5;
    Object.assign(rest, { spec: generator.value(schema.properties.spec, 6) });
    generator.density = 0.3;
  }
  const whole = { ...rest, apiVersion, kind: resource.kind, metadata };
  return (generator.chance(0.95) ? withoutDuplicates(whole) : whole) as JsonObject;
}

/** An earlier configuration with one or two places changed: conflicts and removals come from these. */
function varied(generator: Generator, value: Json, fresh: Json, probability: number): Json {
  if (generator.chance(probability)) return fresh ?? value;
  if (Array.isArray(value)) {
    const kept = value.filter(() => !generator.chance(0.15));
    const other = Array.isArray(fresh) && generator.chance(0.3) ? (fresh as readonly Json[]) : [];
    return [...kept, ...other] as Json[];
  }
  if (!isObject(value)) return value;
  const out: { [key: string]: Json } = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === 'apiVersion' || key === 'kind' || key === 'metadata') {
      out[key] = item as Json;
      continue;
    }
    if (generator.chance(0.12)) continue;
    out[key] = varied(
      generator,
      item as Json,
      (isObject(fresh) ? fresh[key] : undefined) ?? (item as Json),
      probability,
    );
  }
  return out;
}

function timeText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function refusedAs(result: Exclude<ApplyResult, { kind: 'merged' }>): Answer {
  if (result.kind === 'invalid') return { error: result.message, code: result.status };
  const conflicts = result.conflicts.map((conflict) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${conflict.manager}"${conflict.details}`,
    field: conflict.field,
  }));
  return { conflicts };
}

function replicasOf(object: KubeObject | undefined): Json | undefined {
  return isObject(object?.spec) ? object.spec.replicas : undefined;
}

/** A write of the Scale, as the API server carries it over to the object. */
function playScale(subject: Subject, live: KubeObject, step: Step): { answer: Answer; live: KubeObject } {
  const { name, namespace, uid } = live.metadata;
  const replicas = replicasOf(live);
  const shown = typeof replicas === 'number' && replicas !== 0 ? { replicas } : {};
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name, namespace, uid }, spec: shown };
  const versions = subject.versions.map(({ group, version }) => (group === '' ? version : `${group}/${version}`));
  const request = {
    live,
    scale: { ...scale, status: { replicas: 0 } } as unknown as KubeObject,
    paths: new Map(versions.map((version) => [version, ['spec', 'replicas']])),
    manager: step.manager,
    time: timeText(step.time),
  };
  const body = step.object as unknown as KubeObject;
  const result =
    step.op === 'apply'
      ? applyScale({ ...request, applied: body, force: step.force })
      : trackScale({ ...request, next: body });
  if (result.kind !== 'scaled') return { answer: refusedAs(result), live };
  const { managedFields: _, ...metadata } = live.metadata;
  const after = {
    ...live,
    metadata: result.managedFields === undefined ? metadata : { ...metadata, managedFields: result.managedFields },
    spec: { ...(live.spec as JsonObject), replicas: replicasOf(result.scale) ?? 0 },
  } as KubeObject;
  return { answer: { object: after as Json }, live: after };
}

/** One step through our own implementation: the answer and the object afterwards. */
export function playStep(
  subject: Subject,
  live: KubeObject | undefined,
  step: Step,
): { answer: Answer; live: KubeObject | undefined } {
  const resource =
    subject.versions.find((version) => version.version === step.version) ?? (subject.versions[0] as ResourceInfo);
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const before = live === undefined ? undefined : { ...live, apiVersion };
  if (step.subresource === 'scale' && before !== undefined) return playScale(subject, before, step);
  const request = {
    live: before,
    manager: step.manager,
    subresource: step.subresource === '' ? undefined : step.subresource,
    time: timeText(step.time),
    resource,
    ...(subject.crd === undefined ? {} : { versions: subject.versions }),
  };
  let after: KubeObject;
  if (step.op === 'apply') {
    const result = apply({ ...request, applied: step.object as unknown as KubeObject, force: step.force });
    if (result.kind !== 'merged') return { answer: refusedAs(result), live };
    after = result.object;
  } else {
    const next = throughWire(step.object as JsonObject, resource.schema as TypeSchema) as unknown as KubeObject;
    after = trackUpdate({ ...request, next, sent: step.object as unknown as KubeObject });
  }
  const object = { ...after, metadata: { ...after.metadata, uid: 'uid' } };
  return { answer: { object: object as Json }, live: object };
}

export function play(subject: Subject, steps: readonly Step[]): Answer[] {
  let live: KubeObject | undefined;
  return steps.map((step) => {
    const played = playStep(subject, live, step);
    live = played.live;
    return played.answer;
  });
}

function updateObject(generator: Generator, live: KubeObject | undefined, config: JsonObject, fresh: JsonObject): Json {
  if (live === undefined) return config as Json;
  const changed = varied(generator, live as Json, fresh as Json, 0.1) as JsonObject;
  const metadata = { ...live.metadata, ...(generator.chance(0.2) ? (fresh.metadata as JsonObject) : {}) } as {
    [key: string]: Json;
  };
  if (generator.chance(0.1)) delete metadata.managedFields;
  else if (generator.chance(0.03)) metadata.managedFields = pick<Json>(generator.random, [[], [{}]]);
  return { ...changed, apiVersion: config.apiVersion as string, kind: config.kind as string, metadata };
}

function subresourceOf(generator: Generator, resource: ResourceInfo, live: KubeObject): Step['subresource'] {
  if (resource.subresources.includes('status') && generator.chance(0.15)) return 'status';
  const scalable = resource.subresources.includes('scale') && typeof replicasOf(live) === 'number';
  return scalable && generator.chance(0.4) ? 'scale' : '';
}

function scaleObject(generator: Generator): Json {
  const spec = generator.chance(0.9) ? { replicas: pick(generator.random, [0, 1, 2]) } : {};
  return { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'n', namespace: 'ns' }, spec };
}

/** A random sequence and our answers to it. */
export function randomSequence(random: Random, subject: Subject): { sequence: Sequence; answers: Answer[] } {
  const generator = new Generator(random);
  const steps: Step[] = [];
  const answers: Answer[] = [];
  const said = new Map<string, JsonObject>();
  let live: KubeObject | undefined;
  let time = EPOCH;
  const count = 2 + Math.floor(random.next() * 6);
  const many = generator.chance(0.05);
  for (let index = 0; index < (many ? 16 : count); index++) {
    const resource = pick(random, subject.versions);
    const op = generator.chance(many ? 0.1 : 0.65) ? 'apply' : 'update';
    const manager = many ? `m${index % 14}` : pick(random, MANAGERS);
    const fresh = configuration(generator, resource);
    const last = said.get(manager) ?? said.get(pick(random, MANAGERS));
    const config =
      last === undefined || generator.chance(0.25)
        ? fresh
        : ({
            ...(varied(generator, last as Json, fresh as Json, 0.12) as JsonObject),
            apiVersion: fresh.apiVersion,
          } as JsonObject);
    const subresource = live === undefined ? '' : subresourceOf(generator, resource, live);
    const scales = subresource === 'scale';
    const whole = op === 'apply' ? (config as Json) : updateObject(generator, live, fresh, fresh);
    const object = scales ? scaleObject(generator) : whole;
    if (op === 'apply' && !scales) said.set(manager, config);
    time += many ? 1 : pick(random, [0, 1, 60]);
    const step: Step = {
      op,
      manager,
      force: generator.chance(0.3),
      subresource,
      version: resource.version,
      time,
      object,
    };
    const played = playStep(subject, live, step);
    live = played.live;
    steps.push(step);
    answers.push(played.answer);
  }
  const sequence =
    subject.crd === undefined ? { kind: subject.kind, steps } : { kind: subject.kind, crd: subject.crd, steps };
  return { sequence, answers };
}
