/** Defaults of the kinds that own no pods. */
import { Buffer } from 'node:buffer';
import type { Json } from '../../../base/index.ts';
import { type Draft, each, fill, made, under } from './draft.ts';
import { volumeSource } from './pod.ts';

export function service(object: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { sessionAffinity: 'None', type: 'ClusterIP' });
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    fill(made(made(spec, 'sessionAffinityConfig'), 'clientIP'), { timeoutSeconds: 10_800 });
  }
  for (const port of each(spec, 'ports')) {
    fill(port, { protocol: 'TCP' });
    if (port.targetPort === 0 || port.targetPort === '' || port.targetPort === undefined) port.targetPort = port.port;
  }
  const outside = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  const hasExternalIps = spec.type === 'ClusterIP' && each(spec, 'externalIPs').length + lengthOf(spec.externalIPs) > 0;
  if (outside || hasExternalIps) fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (outside || spec.type === 'ClusterIP') fill(spec, { internalTrafficPolicy: 'Cluster' });
  if (spec.type === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
}

function lengthOf(value: Json | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}

/** `stringData` is write-only: it goes over into `data`. */
export function secret(object: Draft): void {
  fill(object, { type: 'Opaque' });
  const texts = under(object, 'stringData');
  if (texts === undefined) return;
  const data = made(object, 'data');
  for (const [key, text] of Object.entries(texts)) data[key] = Buffer.from(String(text)).toString('base64');
  delete object.stringData;
}

export function namespace(object: Draft): void {
  const metadata = made(object, 'metadata');
  const { name } = metadata;
  if (typeof name === 'string') fill(made(metadata, 'labels'), { 'kubernetes.io/metadata.name': name });
  fill(made(object, 'status'), { phase: 'Active' });
}

export function persistentVolume(object: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
  volumeSource(spec);
  fill(made(object, 'status'), { phase: 'Pending' });
}

export function networkPolicy(object: Draft): void {
  const spec = made(object, 'spec');
  for (const rule of [...each(spec, 'ingress'), ...each(spec, 'egress')]) {
    for (const port of each(rule, 'ports')) fill(port, { protocol: 'TCP' });
  }
  if (lengthOf(spec.policyTypes) === 0)
    spec.policyTypes = lengthOf(spec.egress) === 0 ? ['Ingress'] : ['Ingress', 'Egress'];
}

export function endpoints(object: Draft): void {
  for (const subset of each(object, 'subsets'))
    for (const port of each(subset, 'ports')) fill(port, { protocol: 'TCP' });
}

export function endpointSlice(object: Draft): void {
  for (const port of each(object, 'ports')) fill(port, { name: '', protocol: 'TCP' });
}

const RBAC = 'rbac.authorization.k8s.io';

export function roleBinding(object: Draft): void {
  const role = made(object, 'roleRef');
  if (role.apiGroup === undefined || role.apiGroup === '') role.apiGroup = RBAC;
  for (const subject of each(object, 'subjects')) {
    if (subject.kind === 'User' || subject.kind === 'Group') fill(subject, { apiGroup: RBAC });
  }
}

/** @param sent as it came: a list of policies that was given empty is none that was left out. */
export function horizontalPodAutoscaler(object: Draft, sent: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { minReplicas: 1 });
  if (lengthOf(spec.metrics) === 0) {
    spec.metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ];
  }
  const behavior = under(spec, 'behavior');
  if (behavior === undefined) return;
  for (const direction of ['scaleUp', 'scaleDown']) {
    const policies = under(sent, 'spec', 'behavior', direction)?.policies;
    if (Array.isArray(policies) && policies.length === 0) made(behavior, direction).policies = [];
  }
  fill(made(behavior, 'scaleUp'), {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  });
  fill(made(behavior, 'scaleDown'), {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  });
}

function webhooks(object: Draft, more: { readonly [key: string]: Json }): void {
  for (const webhook of each(object, 'webhooks')) {
    fill(webhook, {
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      ...more,
    });
    const target = under(webhook, 'clientConfig', 'service');
    if (target !== undefined) fill(target, { port: 443 });
    for (const rule of each(webhook, 'rules')) fill(rule, { scope: '*' });
  }
}

export function validatingWebhooks(object: Draft): void {
  webhooks(object, {});
}

export function mutatingWebhooks(object: Draft): void {
  webhooks(object, { reinvocationPolicy: 'Never' });
}

export function priorityClass(object: Draft): void {
  fill(object, { preemptionPolicy: 'PreemptLowerPriority' });
}

export function storageClass(object: Draft): void {
  fill(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
}

/** Limits of containers say what they request by default. */
export function limitRange(object: Draft): void {
  for (const item of each(under(object, 'spec'), 'limits')) {
    if (item.type !== 'Container') continue;
    for (const [into, from] of [
      ['default', 'max'],
      ['defaultRequest', 'default'],
      ['defaultRequest', 'min'],
    ] as const) {
      fill(made(item, into), (under(item, from) ?? {}) as { [key: string]: Json });
    }
    for (const key of ['default', 'defaultRequest'])
      if (Object.keys(under(item, key) ?? {}).length === 0) delete item[key];
  }
}

export function customResourceDefinition(object: Draft): void {
  const spec = made(object, 'spec');
  fill(made(spec, 'conversion'), { strategy: 'None' });
  const names = made(spec, 'names');
  const kind = typeof names.kind === 'string' ? names.kind : '';
  if (kind !== '') fill(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  const service = under(spec, 'conversion', 'webhook', 'clientConfig', 'service');
  if (service !== undefined) fill(service, { port: 443 });
}
