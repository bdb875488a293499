/** What makes a pod with an image of the catalogue run at our kubelet: a label and a taint of its nodes, and a webhook's patch. */
import { isObject, type Json, type JsonObject } from '../../base/index.ts';

/** Label and taint of the nodes of our kubelet. */
export const KUBELET_NODE = 'sim.ldc.dev/processes';
const TOLERATION = { key: KUBELET_NODE, operator: 'Exists', effect: 'NoSchedule' };

/**
 * CEL over the pod; the API server asks the webhook only where all hold. A DaemonSet's pods are left alone: each is made for one
 * node, and its controller would take it away from any other.
 */
const CONDITIONS = {
  catalogue: ['containers', 'initContainers']
    .map(
      (list) =>
        `(has(object.spec.${list}) && object.spec.${list}.exists(c, has(c.image) && c.image.startsWith('ldc.dev/')))`,
    )
    .join(' || '),
  'without-node': "!has(object.spec.nodeName) || object.spec.nodeName == ''",
  'of-no-daemon-set':
    "!has(object.metadata.ownerReferences) || !object.metadata.ownerReferences.exists(o, o.kind == 'DaemonSet')",
};

/** The JSON patch that sends a pod to our kubelet's nodes. Pure. */
export function steer(pod: JsonObject): readonly JsonObject[] {
  const spec = isObject(pod.spec) ? pod.spec : {};
  return [
    isObject(spec.nodeSelector)
      ? { op: 'add', path: `/spec/nodeSelector/${KUBELET_NODE.replace('/', '~1')}`, value: 'true' }
      : { op: 'add', path: '/spec/nodeSelector', value: { [KUBELET_NODE]: 'true' } },
    Array.isArray(spec.tolerations)
      ? { op: 'add', path: '/spec/tolerations/-', value: TOLERATION }
      : { op: 'add', path: '/spec/tolerations', value: [TOLERATION] },
  ];
}

/** Answers an AdmissionReview (admission.k8s.io/v1) with that patch. Pure. */
export function review(asked: Json): JsonObject {
  const request = isObject(asked) && isObject(asked.request) ? asked.request : {};
  const patch = steer(isObject(request.object) ? request.object : {});
  const response = {
    uid: request.uid ?? '',
    allowed: true,
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
  };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

/**
 * The registration. A pod of the catalogue is refused while the webhook is away, and its controller makes it again later: let
 * through, it would be played by kwok and count as served though nothing runs. Other pods never depend on it.
 */
export function webhookConfiguration(port: number, caPem: string): JsonObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'sim.ldc.dev' },
    webhooks: [
      {
        name: 'pods.sim.ldc.dev',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        timeoutSeconds: 5,
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(caPem).toString('base64') },
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'], scope: 'Namespaced' },
        ],
        matchConditions: Object.entries(CONDITIONS).map(([name, expression]) => ({ name, expression })),
      },
    ],
  };
}
