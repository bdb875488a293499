/** Binding: the scheduler's word that a pod belongs to a node. The one way in which `spec.nodeName` is set later. */
import type { KubeObject } from '../../base/index.ts';
import { kubeTime } from '../objects/index.ts';
import { type Call, type Cluster, part } from './cluster.ts';
import { conflict } from './status.ts';
import { fields } from './strategy.ts';
import { update } from './writer.ts';

/** Sets the node and the condition PodScheduled; nobody owns either. @throws ApiError 404, 409 when it is bound already. */
export function bindPod(cluster: Cluster, call: Call, node: string): KubeObject {
  const bind = (live: KubeObject): KubeObject => {
    const { nodeName } = part(live, 'spec');
    if (typeof nodeName === 'string' && nodeName !== '') {
      throw conflict(
        call.resource,
        call.name,
        `pod ${call.name} is already assigned to node ${JSON.stringify(nodeName)}`,
      );
    }
    const status = part(live, 'status');
    const others = (Array.isArray(status.conditions) ? status.conditions : []).filter(
      (one) => fields(one).type !== 'PodScheduled',
    );
    const now = kubeTime(cluster.clock.now());
    const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now };
    return {
      ...live,
      spec: { ...part(live, 'spec'), nodeName: node },
      status: { ...status, conditions: [...others, scheduled] },
    };
  };
  return update(cluster, { ...call, subresource: 'binding' }, bind).object;
}
