/** Which rights a location takes: those of every verb that apply, watch, repair, prune and undo would use. */
import {
  groupOf,
  isObject,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  refOf,
  refText,
} from '../../base/index.ts';
import { isGround, isStateful, type KindInfo, type Right, roleRuleOf } from '../../kubernetes/index.ts';
import { Halted } from './halted.ts';
import type { Objects } from './objects.ts';

/** A right, and the object for which it is needed. */
export interface Need {
  readonly right: Right;
  readonly object: string;
  /** It would be handed on by that Role or binding. RBAC lets nobody grant what they do not hold, but for who has this one. */
  readonly unless?: Right;
}

const KEEP = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const RBAC = 'rbac.authorization.k8s.io';

/** What of a kind rights depend on. */
type Kind = Pick<KindInfo, 'plural' | 'namespaced'>;

/** What somebody wants to do in a cluster. */
export interface Deed {
  /** To be applied; several versions of one object may stand together. */
  readonly wanted: readonly KubeObject[];
  /** Only has to exist: a namespace. */
  readonly needed: readonly ObjectRef[];
  /** To be deleted. */
  readonly gone: readonly ObjectRef[];
}

/** `looks`: whether what namespaces and CRDs take depends on their being there; else all of it is counted, as if none were. */
export async function needsOf(
  objects: Objects,
  { wanted, needed, gone }: Deed,
  looks: boolean,
): Promise<readonly Need[]> {
  const isThere = async (ref: ObjectRef) => looks && (await seen(objects, ref)) !== 'absent';
  const coming = kindsComing(wanted);
  const kindOf = async (ref: ObjectRef): Promise<Kind | undefined> =>
    (await objects.info(ref)) ?? coming.get(`${groupOf(ref.apiVersion)}/${ref.kind}`);
  const byName = [...Map.groupBy(wanted, (object) => refText(refOf(object))).values()];
  const needs = await Promise.all([
    ...needed.map(async (ref) => {
      const kind = await kindOf(ref);
      return kind === undefined ? [] : toExist(ref, kind, await isThere(ref));
    }),
    ...byName.map(async (versions) => {
      for (const object of versions) {
        const kind = await kindOf(refOf(object));
        // a kind that is not served is another refusal, and not for want of a right
        if (kind === undefined) continue;
        if (isGround(object)) return toStand(refOf(object), kind, await isThere(refOf(object)));
        return toKeep(objects, object, kind, wanted);
      }
      return [];
    }),
    ...gone
      .filter((ref) => !isGround(ref))
      .map(async (ref) => {
        const kind = await kindOf(ref);
        if (kind === undefined) return [];
        return verbsOn(ref, kind, isStateful(ref) ? ['get'] : ['get', 'delete']); // what holds data is left for a person
      }),
  ]);
  return needs.flat();
}

/** Kinds that a CRD among the objects will bring. */
function kindsComing(wanted: readonly KubeObject[]): ReadonlyMap<string, Kind> {
  const crds = wanted.filter(({ kind }) => kind === 'CustomResourceDefinition');
  return new Map(
    crds.flatMap(({ spec }): [string, Kind][] => {
      if (!isObject(spec) || !isObject(spec.names)) return [];
      return [
        [
          `${spec.group}/${spec.names.kind}`,
          { plural: String(spec.names.plural), namespaced: spec.scope === 'Namespaced' },
        ],
      ];
    }),
  );
}

async function toKeep(
  objects: Objects,
  object: KubeObject,
  kind: Kind,
  wanted: readonly KubeObject[],
): Promise<readonly Need[]> {
  const ref = refOf(object);
  const pods = ref.kind === 'StatefulSet' && groupOf(ref.apiVersion) === 'apps' ? podsOf(ref) : [];
  return [...verbsOn(ref, kind, KEEP), ...pods, ...(await toGrant(objects, object, wanted))];
}

/** A namespace or CRD that is there takes less than one that has to be made; a CRD is never deleted. */
function toStand(ref: ObjectRef, kind: Kind, isThere: boolean): readonly Need[] {
  const making = ref.kind === 'Namespace' ? ['create', 'delete'] : ['create'];
  return verbsOn(ref, kind, ['get', 'list', 'watch', 'patch', ...(isThere ? [] : making)]);
}

function toExist(ref: ObjectRef, kind: Kind, isThere: boolean): readonly Need[] {
  return verbsOn(ref, kind, isThere ? ['get'] : ['get', 'create', 'patch', 'delete']);
}

async function seen(objects: Objects, ref: ObjectRef): Promise<KubeObject | 'absent' | 'forbidden'> {
  try {
    return (await objects.get(ref)) ?? 'absent';
  } catch (error) {
    if (error instanceof Halted && error.outcome.kind === 'refused') return 'forbidden';
    throw error;
  }
}

/** Pods of an undone revision that never get ready are deleted, one by one. */
function podsOf(ref: ObjectRef): readonly Need[] {
  return verbsOn({ ...ref, name: '' }, { plural: 'pods', namespaced: true }, ['delete'], '', refText(ref));
}

/** Whoever writes a Role must hold what it gives, whoever writes a binding what the bound role gives; or `escalate`, `bind`. */
async function toGrant(objects: Objects, object: KubeObject, wanted: readonly KubeObject[]): Promise<readonly Need[]> {
  if (groupOf(object.apiVersion) !== RBAC) return [];
  const namespace = object.metadata.namespace;
  const rules = object.kind.endsWith('Binding') ? await boundRules(objects, object, wanted) : rulesIn(object);
  const unless = exemption(object);
  return rules.flatMap(({ verbs, apiGroups, resources, resourceNames }) =>
    verbs.flatMap((verb) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          (resourceNames.length === 0 ? [undefined] : resourceNames).map((name): Need => {
            const named = name === undefined ? {} : { name };
            const within = namespace === undefined ? {} : { namespace };
            return { right: { verb, group, resource, ...within, ...named }, object: refText(refOf(object)), unless };
          }),
        ),
      ),
    ),
  );
}

function exemption({ kind, metadata, roleRef }: KubeObject): Right {
  const within = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
  if (!kind.endsWith('Binding')) {
    return { verb: 'escalate', group: RBAC, resource: `${kind.toLowerCase()}s`, ...within, name: metadata.name };
  }
  const ref: JsonObject = isObject(roleRef) ? roleRef : {};
  return {
    verb: 'bind',
    group: RBAC,
    resource: `${String(ref.kind).toLowerCase()}s`,
    ...within,
    name: String(ref.name),
  };
}

function rulesIn(role: KubeObject) {
  return Array.isArray(role.rules) ? role.rules.filter(isObject).map(roleRuleOf) : [];
}

async function boundRules(objects: Objects, binding: KubeObject, wanted: readonly KubeObject[]) {
  const ref: JsonObject = isObject(binding.roleRef) ? binding.roleRef : {};
  const isRole = (one: KubeObject) =>
    one.kind === ref.kind && one.metadata.name === ref.name && groupOf(one.apiVersion) === RBAC;
  const own = wanted.find(isRole);
  if (own !== undefined) return rulesIn(own);
  const namespace = ref.kind === 'Role' ? binding.metadata.namespace : undefined;
  const name = { apiVersion: `${RBAC}/v1`, kind: String(ref.kind), name: String(ref.name) };
  const live = await seen(objects, namespace === undefined ? name : { ...name, namespace });
  // one that cannot be read is judged by the server itself, in the dry run
  return typeof live === 'string' ? [] : rulesIn(live);
}

function verbsOn(
  ref: ObjectRef,
  kind: Kind,
  verbs: readonly string[],
  group = groupOf(ref.apiVersion),
  object = refText(ref),
): readonly Need[] {
  return verbs.map((verb) => ({ right: rightOn(ref, kind, verb, group), object }));
}

/** RBAC names an object only where the request does: a list, a watch and what is created have no name yet. */
function rightOn(ref: ObjectRef, kind: Kind, verb: string, group = groupOf(ref.apiVersion)): Right {
  const named = ref.name === '' || ['list', 'watch', 'create'].includes(verb) ? {} : { name: ref.name };
  // a request for one namespace is judged in that namespace, so that a Role in it may allow it
  const own = group === '' && kind.plural === 'namespaces' && 'name' in named ? ref.name : undefined;
  const namespace = kind.namespaced ? (ref.namespace ?? 'default') : own;
  return { verb, group, resource: kind.plural, ...(namespace === undefined ? {} : { namespace }), ...named };
}
