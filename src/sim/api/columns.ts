/** The columns of built-in kinds, in the order and with the names that a real server prints. */
import type { Json, KubeObject } from '../../base/index.ts';
import type { ResourceInfo } from '../types.ts';
import { age } from './age.ts';
import * as cells from './cells.ts';
import { part } from './cluster.ts';
import descriptions from './data/column-descriptions.json' with { type: 'json' };
import { podReady, podRestarts, podStatus } from './pod-cells.ts';
import { qualified } from './status.ts';

export type Cell = (object: KubeObject, nowMs: number) => Json;

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, 1 only by `-o wide`. */
  readonly priority: number;
  readonly cell: Cell;
}

const DESCRIPTIONS: { readonly [resource: string]: { readonly [column: string]: string } } = descriptions;

export const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: DESCRIPTIONS['*']?.Name ?? '',
  priority: 0,
  cell: (object) => object.metadata.name,
};

export const AGE: Column = {
  name: 'Age',
  type: 'string',
  format: '',
  description: DESCRIPTIONS['*']?.Age ?? '',
  priority: 0,
  cell: (object, nowMs) => age(object.metadata.creationTimestamp, nowMs),
};

const CREATED_AT: Column = {
  ...AGE,
  name: 'Created At',
  type: 'date',
  cell: (object) => object.metadata.creationTimestamp ?? null,
};

export function columnsOf(resource: ResourceInfo): readonly Column[] {
  const name = qualified(resource);
  const own = (COLUMNS[name] ?? (() => [CREATED_AT]))();
  const all = EVENTS.has(name) ? own : [NAME, ...own];
  return all.map((column) => {
    const description = DESCRIPTIONS[name]?.[column.name];
    return description === undefined ? column : { ...column, description };
  });
}

/** What they are named by is their last column. */
const EVENTS = new Set(['events', 'events.events.k8s.io']);

function column(name: string, cell: Cell, priority = 0, type = 'string'): Column {
  return { name, type, format: '', description: '', priority, cell };
}

const wide = (name: string, cell: Cell): Column => column(name, cell, 1);
const spec =
  (field: string): Cell =>
  (object) =>
    cells.shown(part(object, 'spec')[field]);
const status =
  (field: string): Cell =>
  (object) =>
    cells.shown(part(object, 'status')[field]);
const count =
  (field: string): Cell =>
  (object) =>
    cells.number(part(object, 'status')[field]);
const template = [wide('Containers', cells.containers), wide('Images', cells.images)];

const WEBHOOKS = column('Webhooks', (object) => cells.length(object.webhooks), 0, 'integer');

/** Of `/scale`, whatever it is the scale of. */
export const SCALE_COLUMNS: readonly Column[] = [
  { ...NAME, format: '' },
  {
    ...column('Desired', (scale) => cells.number(part(scale, 'spec').replicas), 0, 'integer'),
    description: 'replicas is the desired number of instances for the scaled object.',
  },
  {
    ...column('Available', (scale) => cells.number(part(scale, 'status').replicas), 0, 'integer'),
    description: 'replicas is the actual number of observed instances of the scaled object.',
  },
  AGE,
];

/** Columns after the name, by resource. */
const COLUMNS: { readonly [resource: string]: () => readonly Column[] } = {
  pods: () => [
    column('Ready', podReady),
    column('Status', podStatus),
    column('Restarts', podRestarts),
    AGE,
    wide('IP', (pod) => cells.orNone(part(pod, 'status').podIP)),
    wide('Node', (pod) => cells.orNone(part(pod, 'spec').nodeName)),
    wide('Nominated Node', (pod) => cells.orNone(part(pod, 'status').nominatedNodeName)),
    wide('Readiness Gates', cells.readinessGates),
  ],
  'deployments.apps': () => [
    column('Ready', cells.readyOf),
    column('Up-to-date', count('updatedReplicas')),
    column('Available', count('availableReplicas')),
    AGE,
    ...template,
    wide('Selector', cells.selector),
  ],
  'replicasets.apps': () => [
    column('Desired', (object) => cells.number(part(object, 'spec').replicas), 0, 'integer'),
    column('Current', count('replicas'), 0, 'integer'),
    column('Ready', count('readyReplicas'), 0, 'integer'),
    AGE,
    ...template,
    wide('Selector', cells.selector),
  ],
  'statefulsets.apps': () => [column('Ready', cells.readyOf), AGE, ...template],
  'daemonsets.apps': () => [
    column('Desired', count('desiredNumberScheduled'), 0, 'integer'),
    column('Current', count('currentNumberScheduled'), 0, 'integer'),
    column('Ready', count('numberReady'), 0, 'integer'),
    column('Up-to-date', count('updatedNumberScheduled'), 0, 'integer'),
    column('Available', count('numberAvailable'), 0, 'integer'),
    column('Node Selector', cells.nodeSelector),
    AGE,
    ...template,
    wide('Selector', cells.selector),
  ],
  'controllerrevisions.apps': () => [
    column('Controller', cells.controller),
    column('Revision', (object) => cells.number(object.revision)),
    AGE,
  ],
  'jobs.batch': () => [
    column('Status', cells.jobStatus),
    column('Completions', cells.jobCompletions),
    column('Duration', cells.jobDuration),
    AGE,
    ...template,
    wide('Selector', cells.selector),
  ],
  'cronjobs.batch': () => [
    column('Schedule', spec('schedule')),
    column('Timezone', (object) => cells.orNone(part(object, 'spec').timeZone)),
    column('Suspend', (object) => cells.truth(part(object, 'spec').suspend), 0, 'boolean'),
    column('Active', (object) => cells.length(part(object, 'status').active), 0, 'integer'),
    column('Last Schedule', (object, now) => cells.since(part(object, 'status').lastScheduleTime, now, '<none>')),
    AGE,
    ...template,
    wide('Selector', cells.jobSelector),
  ],
  services: () => [
    column('Type', spec('type')),
    column('Cluster-IP', (object) => cells.orNone(part(object, 'spec').clusterIP)),
    column('External-IP', cells.externalAddress),
    column('Port(s)', cells.servicePorts),
    AGE,
    wide('Selector', cells.serviceSelector),
  ],
  endpoints: () => [column('Endpoints', cells.endpoints), AGE],
  'endpointslices.discovery.k8s.io': () => [
    column('AddressType', (object) => cells.shown(object.addressType)),
    column('Ports', cells.slicePorts),
    column('Endpoints', cells.sliceEndpoints),
    AGE,
  ],
  'ingresses.networking.k8s.io': () => [
    column('Class', (object) => cells.orNone(part(object, 'spec').ingressClassName)),
    column('Hosts', cells.ingressHosts),
    column('Address', cells.ingressAddress),
    column('Ports', (object) => (part(object, 'spec').tls === undefined ? '80' : '80, 443')),
    AGE,
  ],
  'ingressclasses.networking.k8s.io': () => [
    column('Controller', spec('controller')),
    column('Parameters', () => '<none>'),
    AGE,
  ],
  'networkpolicies.networking.k8s.io': () => [column('Pod-Selector', cells.podSelector), AGE],
  namespaces: () => [column('Status', status('phase')), AGE],
  nodes: () => [
    column('Status', cells.nodeStatus),
    column('Roles', cells.nodeRoles),
    AGE,
    column('Version', (node) => cells.shown(cells.nodeInfo(node).kubeletVersion)),
    wide('Internal-IP', (node) => cells.nodeAddress(node, 'InternalIP')),
    wide('External-IP', (node) => cells.nodeAddress(node, 'ExternalIP')),
    wide('OS-Image', (node) => cells.orUnknown(cells.nodeInfo(node).osImage)),
    wide('Kernel-Version', (node) => cells.orUnknown(cells.nodeInfo(node).kernelVersion)),
    wide('Container-Runtime', (node) => cells.orUnknown(cells.nodeInfo(node).containerRuntimeVersion)),
  ],
  configmaps: () => [column('Data', cells.dataKeys), AGE],
  secrets: () => [column('Type', (object) => cells.shown(object.type)), column('Data', cells.dataKeys), AGE],
  serviceaccounts: () => [column('Secrets', (object) => cells.length(object.secrets)), AGE],
  events: () => eventColumns(),
  'events.events.k8s.io': () => eventColumns(),
  persistentvolumes: () => [
    column('Capacity', (object) => cells.shown(cells.storage(part(object, 'spec').capacity))),
    column('Access Modes', (object) => cells.accessModes(part(object, 'spec').accessModes)),
    column('Reclaim Policy', spec('persistentVolumeReclaimPolicy')),
    column('Status', status('phase')),
    column('Claim', cells.volumeClaim),
    column('StorageClass', spec('storageClassName')),
    column('VolumeAttributesClass', (object) => cells.orUnset(part(object, 'spec').volumeAttributesClassName)),
    column('Reason', status('reason')),
    AGE,
    wide('VolumeMode', spec('volumeMode')),
  ],
  persistentvolumeclaims: () => [
    column('Status', status('phase')),
    column('Volume', spec('volumeName')),
    column('Capacity', (object) => cells.shown(cells.storage(part(object, 'status').capacity))),
    column('Access Modes', (object) => cells.accessModes(part(object, 'status').accessModes)),
    column('StorageClass', spec('storageClassName')),
    column('VolumeAttributesClass', (object) => cells.orUnset(part(object, 'spec').volumeAttributesClassName)),
    AGE,
    wide('VolumeMode', spec('volumeMode')),
  ],
  'storageclasses.storage.k8s.io': () => [
    column('Provisioner', (object) => cells.shown(object.provisioner)),
    column('ReclaimPolicy', (object) => cells.shown(object.reclaimPolicy)),
    column('VolumeBindingMode', (object) => cells.shown(object.volumeBindingMode)),
    column('AllowVolumeExpansion', (object) => object.allowVolumeExpansion === true),
    AGE,
  ],
  'poddisruptionbudgets.policy': () => [
    column('Min Available', (object) => cells.orNotAvailable(part(object, 'spec').minAvailable)),
    column('Max Unavailable', (object) => cells.orNotAvailable(part(object, 'spec').maxUnavailable)),
    column('Allowed Disruptions', count('disruptionsAllowed'), 0, 'integer'),
    AGE,
  ],
  'leases.coordination.k8s.io': () => [column('Holder', spec('holderIdentity')), AGE],
  'priorityclasses.scheduling.k8s.io': () => [
    column('Value', (object) => cells.number(object.value), 0, 'integer'),
    column('Global-Default', (object) => object.globalDefault === true, 0, 'boolean'),
    AGE,
    column('PreemptionPolicy', (object) => cells.shown(object.preemptionPolicy ?? 'PreemptLowerPriority')),
  ],
  'rolebindings.rbac.authorization.k8s.io': () => bindingColumns(),
  'clusterrolebindings.rbac.authorization.k8s.io': () => bindingColumns(),
  'certificatesigningrequests.certificates.k8s.io': () => [
    AGE,
    column('SignerName', spec('signerName')),
    column('Requestor', spec('username')),
    column('RequestedDuration', cells.requestedDuration),
    column('Condition', cells.requestCondition),
  ],
  'horizontalpodautoscalers.autoscaling': () => [
    column('Reference', cells.scaleTarget),
    column('Targets', cells.scaleMetrics),
    column('MinPods', (object) => cells.shown(part(object, 'spec').minReplicas ?? '<unset>')),
    column('MaxPods', (object) => cells.number(part(object, 'spec').maxReplicas)),
    column('Replicas', count('currentReplicas')),
    AGE,
  ],
  podtemplates: () => [
    column('Containers', cells.containers),
    column('Images', cells.images),
    column('Pod Labels', cells.templateLabels),
  ],
  replicationcontrollers: () => [
    column('Desired', (object) => cells.number(part(object, 'spec').replicas), 0, 'integer'),
    column('Current', count('replicas'), 0, 'integer'),
    column('Ready', count('readyReplicas'), 0, 'integer'),
    AGE,
    ...template,
    wide('Selector', cells.serviceSelector),
  ],
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': () => [WEBHOOKS, AGE],
  'validatingwebhookconfigurations.admissionregistration.k8s.io': () => [WEBHOOKS, AGE],
  'csinodes.storage.k8s.io': () => [
    column('Drivers', (object) => cells.length(part(object, 'spec').drivers), 0, 'integer'),
    AGE,
  ],
  'servicecidrs.networking.k8s.io': () => [
    column('CIDRs', (object) => cells.list(part(object, 'spec').cidrs).join(',')),
    AGE,
  ],
  'volumeattachments.storage.k8s.io': () => [
    { ...column('Attacher', spec('attacher')), format: 'name' },
    column('PV', cells.attachedVolume),
    column('Node', spec('nodeName')),
    column('Attached', (object) => part(object, 'status').attached === true, 0, 'boolean'),
    AGE,
  ],
  'volumeattributesclasses.storage.k8s.io': () => [
    column('DriverName', (object) => cells.shown(object.driverName)),
    AGE,
  ],
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': () => [
    column('PolicyName', spec('policyName')),
    column('ParamRef', (object) => cells.paramReference(part(object, 'spec').paramRef)),
    AGE,
  ],
  'validatingadmissionpolicies.admissionregistration.k8s.io': () => [
    column('Validations', (object) => cells.length(part(object, 'spec').validations), 0, 'integer'),
    column('ParamKind', (object) => cells.paramKind(part(object, 'spec').paramKind)),
    AGE,
  ],
  resourcequotas: () => [column('Request', cells.quotaRequests), column('Limit', cells.quotaLimits), AGE],
};

function bindingColumns(): readonly Column[] {
  return [
    column('Role', cells.roleRef),
    AGE,
    wide('Users', (object) => cells.subjects(object, 'User')),
    wide('Groups', (object) => cells.subjects(object, 'Group')),
    wide('ServiceAccounts', (object) => cells.subjects(object, 'ServiceAccount')),
  ];
}

function eventColumns(): readonly Column[] {
  return [
    column('Last Seen', cells.eventLastSeen),
    column('Type', (event) => cells.shown(event.type)),
    column('Reason', (event) => cells.shown(event.reason)),
    column('Object', cells.eventObject),
    wide('Subobject', (event) => cells.shown(cells.involved(event).fieldPath)),
    wide('Source', cells.eventSource),
    column('Message', (event) => cells.shown(event.message ?? event.note)),
    wide('First Seen', cells.eventFirstSeen),
    wide('Count', (event) => cells.number(event.count ?? event.deprecatedCount ?? 1)),
    { ...NAME, priority: 1 },
  ];
}
