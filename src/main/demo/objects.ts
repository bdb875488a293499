/** An independent look at the clusters: what `kubectl get` would show of the shop, without what a server counts by itself. */
import { digestOf, isObject, type Json, type JsonObject } from '../../base/index.ts';
import type { Client } from '../../kubernetes/index.ts';

const KINDS = [
  'apis/apps/v1/namespaces/shop/deployments',
  'apis/batch/v1/namespaces/shop/jobs',
  'api/v1/namespaces/shop/services',
  'api/v1/namespaces/shop/configmaps',
  'api/v1/namespaces/shop/secrets',
];

export interface SeenObject {
  readonly name: string;
  readonly digest: string;
}

/** Every object of the shop on one cluster; empty when the namespace holds none. */
export async function seeShop(client: Client): Promise<readonly SeenObject[]> {
  const lists = await Promise.all(KINDS.map((path) => client.request({ method: 'GET', path: `/${path}` })));
  return lists.flatMap((answer, index) => {
    const kind = KINDS[index]?.split('/').at(-1) as string;
    if (answer.kind !== 'answered' || answer.status !== 200)
      throw new Error(`cannot list ${kind}: ${JSON.stringify(answer).slice(0, 200)}`);
    const items =
      isObject(answer.body) && Array.isArray(answer.body.items) ? (answer.body.items as readonly JsonObject[]) : [];
    return items
      .filter(isOurs)
      .map((item) => ({ name: `${kind}/${(item.metadata as JsonObject).name}`, digest: digestOf(stable(item)) }));
  });
}

/** Each namespace has a CA bundle that its own cluster puts there. */
function isOurs(item: JsonObject): boolean {
  return isObject(item.metadata) && item.metadata.name !== 'kube-root-ca.crt';
}

function stable(item: JsonObject): Json {
  const { status: _status, metadata, ...rest } = item;
  const { resourceVersion: _rv, generation: _g, managedFields: _m, annotations, ...kept } = metadata as JsonObject;
  const { 'deployment.kubernetes.io/revision': _r, ...others } = isObject(annotations) ? annotations : {};
  return { ...rest, metadata: { ...kept, annotations: others } };
}
