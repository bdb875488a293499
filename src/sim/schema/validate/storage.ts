/** Rules about volumes, claims and their classes. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { canonicalQuantity, parseQuantity } from '../quantity.ts';
import { checkSelector } from './metadata.ts';
import { qualifiedName, subdomain } from './names.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export function persistentVolumeClaim(report: Report, object: KubeObject): void {
  checkClaimSpec(report, 'spec', object.spec as Json | undefined);
}

export function checkClaimSpec(report: Report, at: string, spec: Json | undefined): void {
  const modes = list(spec, 'accessModes');
  if (modes.length === 0) report.required(`${at}.accessModes`, 'at least 1 access mode is required');
  for (const mode of modes) report.oneOf(`${at}.accessModes`, mode, ACCESS_MODES);
  const storage = part(spec, 'resources', 'requests', 'storage');
  if (storage === undefined) report.required(`${at}.resources[storage]`);
  else if ((parseQuantity(String(storage))?.nano ?? 1n) <= 0n) {
    report.invalid(`${at}.resources[storage]`, canonicalQuantity(String(storage)), 'must be greater than zero');
  }
  const name = text(spec, 'storageClassName');
  if (name !== '') report.each(`${at}.storageClassName`, name, subdomain(name));
  checkVolumeMode(report, at, spec);
  if (part(spec, 'selector') !== undefined) checkSelector(report, `${at}.selector`, part(spec, 'selector'));
}

function checkVolumeMode(report: Report, at: string, spec: Json | undefined): void {
  const mode = part(spec, 'volumeMode');
  if (mode !== undefined) report.oneOf(`${at}.volumeMode`, mode, ['Block', 'Filesystem']);
}

const CLAIM_FIXED =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** A claim keeps its spec, but for its size and the volume that it is bound to. */
export function fixedClaim(report: Report, object: KubeObject, before: KubeObject): void {
  persistentVolumeClaim(report, object); // a real server looks at an update twice, and says so
  const rest = (claim: KubeObject): Json => {
    const { volumeName: _v, volumeAttributesClassName: _a, ...spec } = fields(claim.spec as Json);
    const { resources: _r, ...sized } = spec;
    // the size of a bound claim may grow, and a class may be named later
    const kept = text(before.status as Json, 'phase') === 'Bound' ? sized : spec;
    const { storageClassName: _c, ...unclassed } = kept;
    return part(before.spec as Json, 'storageClassName') === undefined ? unclassed : kept;
  };
  const bound = text(before.spec as Json, 'volumeName');
  const isRebound = bound !== '' && text(object.spec as Json, 'volumeName') !== bound;
  if (isRebound || !jsonEqual(rest(object), rest(before))) report.forbidden('spec', CLAIM_FIXED);
  checkShrunk(report, object, before);
}

const claimSize = (claim: KubeObject): bigint =>
  parseQuantity(String(part(claim.spec as Json, 'resources', 'requests', 'storage') ?? 0))?.nano ?? 0n;

/** A request may shrink to what the volume has not grown to yet, but not to the volume's size or below. */
function checkShrunk(report: Report, object: KubeObject, before: KubeObject): void {
  const capacity = part(before.status as Json | undefined, 'capacity', 'storage') ?? 0;
  const size = claimSize(object);
  if (size < claimSize(before) && size <= (parseQuantity(String(capacity))?.nano ?? 0n)) {
    report.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity');
  }
}

/** Whether the claim asks for more than before. */
export function isGrown(object: KubeObject, before: KubeObject): boolean {
  return claimSize(object) > claimSize(before);
}

export function persistentVolume(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const modes = list(spec, 'accessModes');
  if (modes.length === 0) report.required('spec.accessModes');
  for (const mode of modes) report.oneOf('spec.accessModes', mode, ACCESS_MODES);
  const capacity = part(spec, 'capacity');
  if (!isObject(capacity)) report.required('spec.capacity');
  if (part(capacity, 'storage') === undefined) report.notSupported('spec.capacity', capacity, ['storage']);
  const policy = part(spec, 'persistentVolumeReclaimPolicy');
  if (policy !== undefined) report.oneOf('spec.persistentVolumeReclaimPolicy', policy, ['Delete', 'Recycle', 'Retain']);
  checkVolumeMode(report, 'spec', spec);
  checkSources(report, spec);
}

/** In the order in which a server looks at them: the first is the volume, any other one too many. */
const SOURCES = ['hostPath', 'nfs', 'csi', 'local', 'iscsi', 'fc', 'rbd', 'cephfs', 'flexVolume', 'azureFile'];

function checkSources(report: Report, spec: Json | undefined): void {
  const given = SOURCES.filter((source) => part(spec, source) !== undefined);
  for (const source of given.slice(1)) {
    report.forbidden(`spec.${source}`, 'may not specify more than 1 volume type');
  }
  const path = text(spec, 'hostPath', 'path');
  if (given.includes('hostPath') && path === '') report.required('spec.hostPath.path');
  if (path.split('/').includes('..')) report.invalid('spec.hostPath.path', path, "must not contain '..'");
  if (given.length === 0) report.required('spec', 'must specify a volume type');
}

export function storageClass(report: Report, object: KubeObject): void {
  const provisioner = text(object as unknown as Json, 'provisioner');
  if (provisioner === '') report.required('provisioner');
  else report.each('provisioner', provisioner, qualifiedName(provisioner.toLowerCase()));
  const policy = object.reclaimPolicy as Json | undefined;
  if (policy !== undefined) report.oneOf('reclaimPolicy', policy, ['Delete', 'Retain']);
  const mode = object.volumeBindingMode as Json | undefined;
  if (mode !== undefined) report.oneOf('volumeBindingMode', mode, ['Immediate', 'WaitForFirstConsumer']);
}

export function fixedStorageClass(report: Report, object: KubeObject, before: KubeObject): void {
  if (!jsonEqual(object.parameters as Json, before.parameters as Json)) {
    report.forbidden('parameters', 'updates to parameters are forbidden.');
  }
  if (object.provisioner !== before.provisioner)
    report.forbidden('provisioner', 'updates to provisioner are forbidden.');
  if (object.reclaimPolicy !== before.reclaimPolicy) {
    report.forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.');
  }
  if (object.volumeBindingMode !== before.volumeBindingMode) {
    report.invalid('volumeBindingMode', object.volumeBindingMode as Json, 'field is immutable');
  }
}
