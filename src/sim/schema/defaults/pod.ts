/** Defaults of pod specs and of what they are made of. */
import type { Json } from '../../../base/index.ts';
import { type Draft, each, fill, isDraft, made, under } from './draft.ts';

const FILE_MODE = 0o644;

const IMAGE = /^[a-z0-9][a-zA-Z0-9._/:-]*(?:@[a-zA-Z0-9:]+)?$/;

/** Images are pulled anew only when their tag may move: `latest`, or none. */
function pullPolicy(image: Json | undefined): string {
  if (typeof image !== 'string' || !IMAGE.test(image)) return 'IfNotPresent';
  const [tagged = '', digest] = image.split('@');
  const tag = /:([^/:]+)$/.exec(tagged)?.[1];
  return tag === 'latest' || (tag === undefined && digest === undefined) ? 'Always' : 'IfNotPresent';
}

function httpGet(handler: Draft | undefined): void {
  const get = under(handler, 'httpGet');
  if (get !== undefined) fill(get, { path: '/', scheme: 'HTTP' });
}

function probe(container: Draft, name: string): void {
  const found = under(container, name);
  if (found === undefined) return;
  fill(found, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  httpGet(found);
  const grpc = under(found, 'grpc');
  if (grpc !== undefined) fill(grpc, { service: '' });
}

function fieldRef(item: Draft | undefined): void {
  const ref = under(item, 'fieldRef');
  if (ref !== undefined) fill(ref, { apiVersion: 'v1' });
}

function container(draft: Draft, hostNetwork: boolean): void {
  fill(draft, {
    imagePullPolicy: pullPolicy(draft.image),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
  for (const port of each(draft, 'ports')) {
    fill(port, { protocol: 'TCP' });
    if (hostNetwork && port.hostPort === undefined) port.hostPort = port.containerPort;
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) probe(draft, name);
  httpGet(under(draft, 'lifecycle', 'postStart'));
  httpGet(under(draft, 'lifecycle', 'preStop'));
  for (const variable of each(draft, 'env')) {
    fieldRef(under(variable, 'valueFrom'));
    const file = under(variable, 'valueFrom', 'fileKeyRef');
    if (file !== undefined) fill(file, { optional: false });
  }
}

/** What a kind of volume says when its fields are not given. */
const VOLUME_SOURCES: { readonly [source: string]: { readonly [key: string]: Json } } = {
  secret: { defaultMode: FILE_MODE },
  configMap: { defaultMode: FILE_MODE },
  downwardAPI: { defaultMode: FILE_MODE },
  projected: { defaultMode: FILE_MODE },
  hostPath: { type: '' },
  iscsi: { iscsiInterface: 'default' },
  rbd: { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' },
  azureDisk: { cachingMode: 'ReadWrite', fsType: 'ext4', readOnly: false, kind: 'Shared' },
  scaleIO: { storageMode: 'ThinProvisioned', fsType: 'xfs' },
};

export function volumeSource(draft: Draft): void {
  for (const [source, defaults] of Object.entries(VOLUME_SOURCES)) {
    const found = under(draft, source);
    if (found !== undefined) fill(found, defaults);
  }
}

function volume(draft: Draft): void {
  if (Object.keys(draft).every((key) => key === 'name')) draft.emptyDir = {};
  volumeSource(draft);
  for (const item of each(under(draft, 'downwardAPI'), 'items')) fieldRef(item);
  for (const source of each(under(draft, 'projected'), 'sources')) {
    const token = under(source, 'serviceAccountToken');
    if (token !== undefined) fill(token, { expirationSeconds: 3600 });
    for (const item of each(under(source, 'downwardAPI'), 'items')) fieldRef(item);
  }
  const claim = under(draft, 'ephemeral', 'volumeClaimTemplate', 'spec');
  if (claim !== undefined) fill(claim, { volumeMode: 'Filesystem' });
}

/** The spec of a pod or of a pod template. */
export function podSpec(spec: Draft): void {
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  if (account !== undefined) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  fill(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  });
  const hostNetwork = spec.hostNetwork === true;
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const draft of each(spec, list)) container(draft, hostNetwork && list !== 'ephemeralContainers');
  }
  for (const draft of each(spec, 'volumes')) volume(draft);
}

/** Requests default to limits, in pods only: a template says no more than was written. */
function requestsFromLimits(draft: Draft): void {
  const resources = under(draft, 'resources');
  const limits = under(resources, 'limits');
  if (resources === undefined || limits === undefined) return;
  const requests = made(resources, 'requests');
  for (const [name, quantity] of Object.entries(limits)) if (requests[name] === undefined) requests[name] = quantity;
}

export function pod(object: Draft): void {
  const spec = under(object, 'spec');
  if (spec === undefined) return;
  podSpec(spec);
  fill(spec, { enableServiceLinks: true });
  for (const list of ['initContainers', 'containers']) for (const draft of each(spec, list)) requestsFromLimits(draft);
}

/** The template under `spec.template` of a workload. */
export function podTemplate(owner: Draft | undefined): void {
  const template = owner?.template;
  if (isDraft(template)) podSpec(made(template, 'spec'));
}
