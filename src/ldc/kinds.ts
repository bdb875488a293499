import { groupOf } from '../base/index.ts';
import kinds from './kinds.json' with { type: 'json' };

const clusterScoped = new Set(kinds.clusterScoped);
const builtinGroups = new Set(kinds.builtinGroups);
const scalable = new Set(kinds.scalable);
const names: { readonly [groupKind: string]: string } = kinds.names;

/** `apps/Deployment`; `/Service` in the core group. */
export function groupKind(object: { readonly apiVersion: string; readonly kind: string }): string {
  return `${groupOf(object.apiVersion)}/${object.kind}`;
}

/** Whether objects of a kind have no namespace; `known` holds the cluster-scoped kinds of the stack's own CRDs. */
export function isClusterScoped(kind: string, known: ReadonlySet<string>): boolean {
  return clusterScoped.has(kind) || known.has(kind);
}

/** Whether a group comes with Kubernetes itself, so that no CRD can add kinds to it. */
export function isBuiltinGroup(group: string): boolean {
  return builtinGroups.has(group);
}

/** Whether a kind has `spec.replicas` of pods that `replicas` of a function may set. */
export function isScalable(object: { readonly apiVersion: string; readonly kind: string }): boolean {
  return scalable.has(groupKind(object));
}

/** Why a name is none that the kind may have, or undefined. */
export function nameProblem(kind: string, name: string): string | undefined {
  switch (names[kind] ?? 'subdomain') {
    case 'label':
      return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name) ? undefined : LABEL;
    case 'service':
      return /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name) ? undefined : SERVICE;
    case 'segment':
      return name !== '.' && name !== '..' && !/[/%]/.test(name) ? undefined : SEGMENT;
    default:
      return name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)
        ? undefined
        : SUBDOMAIN;
  }
}

const LABEL = 'must be a DNS-1123 label: at most 63 of a-z, 0-9 and "-", starting and ending with a letter or digit';
const SERVICE = 'must be a DNS-1035 label: at most 63 of a-z, 0-9 and "-", starting with a letter';
const SEGMENT = 'must not be "." or ".." or contain "/" or "%"';
const SUBDOMAIN =
  'must be a DNS-1123 subdomain: at most 253 of a-z, 0-9, "-" and ".", starting and ending with a letter or digit';
