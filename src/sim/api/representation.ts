/** Which form of an answer the client accepts. */
import { notAcceptable } from './status.ts';

export type Representation =
  | { readonly kind: 'json' }
  | { readonly kind: 'yaml' }
  | { readonly kind: 'table'; readonly version: string }
  | { readonly kind: 'partial'; readonly version: string }
  | { readonly kind: 'discovery'; readonly version: string };

/**
 * The first acceptable form in the client's order.
 * Protobuf alone is not served: a client that takes nothing else gets 406.
 * @throws ApiError 406.
 */
export function negotiate(
  accept: string,
  allowed: { readonly tables: boolean; readonly discovery: boolean },
): Representation {
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const values = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]));
    const form = representationOf(type, values, allowed);
    if (form !== undefined) return form;
  }
  throw notAcceptable();
}

function representationOf(
  type: string,
  parameters: ReadonlyMap<string, string>,
  allowed: { readonly tables: boolean; readonly discovery: boolean },
): Representation | undefined {
  if (type === 'application/yaml' && parameters.get('as') === undefined) return { kind: 'yaml' };
  if (!['application/json', '*/*', 'application/*', ''].includes(type)) return undefined;
  const as = parameters.get('as');
  const version = parameters.get('v') ?? '';
  if (as === undefined) return { kind: 'json' };
  const isMeta = parameters.get('g') === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1');
  if (allowed.tables && isMeta && as === 'Table') return { kind: 'table', version };
  if (allowed.tables && isMeta && as.startsWith('PartialObjectMetadata')) return { kind: 'partial', version };
  const isDiscovery = parameters.get('g') === 'apidiscovery.k8s.io' && (version === 'v2' || version === 'v2beta1');
  if (allowed.discovery && isDiscovery && as === 'APIGroupDiscoveryList') return { kind: 'discovery', version };
  return undefined;
}
