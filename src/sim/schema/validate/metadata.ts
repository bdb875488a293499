/** Rules about metadata and label selectors, the same for every kind. */
import { isObject, type Json, type KubeObject } from '../../../base/index.ts';
import type { ResourceInfo } from '../../types.ts';
import { label, label1035, labelValue, pathSegment, qualifiedName, subdomain } from './names.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';

/** All annotations of an object together, in bytes. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024;
const LABEL_NAMES = new Set(['/Namespace']);
const SERVICE_NAMES = new Set(['/Service']);
const PATH_NAMES = ['rbac.authorization.k8s.io'];
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function nameComplaints(resource: ResourceInfo, name: string): readonly string[] {
  const kind = `${resource.group}/${resource.kind}`;
  if (SERVICE_NAMES.has(kind)) return label1035(name);
  if (LABEL_NAMES.has(kind)) return label(name);
  if (kind === 'apps/StatefulSet' && subdomain(name).length === 0) {
    return name.includes('.') ? ['must not contain dots'] : label(name);
  }
  return PATH_NAMES.includes(resource.group) ? pathSegment(name) : subdomain(name);
}

export function checkLabels(report: Report, field: string, labels: Json | undefined): void {
  for (const [key, value] of Object.entries(fields(labels)).sort(([a], [b]) => (a < b ? -1 : 1))) {
    report.each(field, key, qualifiedName(key));
    if (typeof value === 'string') report.each(field, value, labelValue(value));
  }
}

function checkAnnotations(report: Report, annotations: Json | undefined): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(fields(annotations))) {
    report.each('metadata.annotations', key, qualifiedName(key.toLowerCase()));
    bytes += Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
  }
  if (bytes > ANNOTATIONS_BYTES_MAX) {
    report.add(
      'FieldValueTooLong',
      'metadata.annotations',
      `Too long: may not be more than ${ANNOTATIONS_BYTES_MAX} bytes`,
    );
  }
}

function checkOwners(report: Report, owners: readonly Json[]): void {
  const field = 'metadata.ownerReferences';
  for (const owner of owners) {
    if (text(owner, 'apiVersion') === '') report.invalid(`${field}.apiVersion`, '', 'version must not be empty');
    for (const key of ['kind', 'name', 'uid']) {
      if (text(owner, key) === '') report.invalid(`${field}.${key}`, '', 'must not be empty');
    }
  }
  const controllers = owners.filter((owner) => part(owner, 'controller') === true);
  if (controllers.length > 1) {
    const names = controllers.slice(0, 2).map((owner) => `${text(owner, 'kind')}/${text(owner, 'name')}`);
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${names.join(' and ')}`;
    report.invalid(field, owners.map(shownOwner), why);
  }
}

/** An owner as messages show it: in the order of its type's fields. */
function shownOwner(owner: Json): Json {
  const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = fields(owner);
  const isGiven = ([, value]: [string, Json | undefined]) => value !== undefined;
  const shape = { apiVersion, kind, name, uid, controller, blockOwnerDeletion };
  return Object.fromEntries(Object.entries(shape).filter(isGiven)) as Json;
}

/** Name, labels, annotations, owners, finalizers. */
export function checkMetadata(report: Report, object: KubeObject, resource: ResourceInfo): void {
  const metadata = (object.metadata ?? {}) as unknown as Json;
  const name = text(metadata, 'name');
  const generateName = text(metadata, 'generateName');
  if (generateName !== '') {
    const stem = generateName.replace(/-$/, 'a');
    report.each('metadata.generateName', generateName, nameComplaints(resource, stem));
  }
  if (name === '' && generateName === '') report.required('metadata.name', 'name or generateName is required');
  if (name !== '') report.each('metadata.name', name, nameComplaints(resource, name));
  checkLabels(report, 'metadata.labels', part(metadata, 'labels'));
  checkAnnotations(report, part(metadata, 'annotations'));
  checkOwners(report, list(metadata, 'ownerReferences'));
  for (const [index, finalizer] of list(metadata, 'finalizers').entries()) {
    if (typeof finalizer !== 'string') continue;
    const field = `metadata.finalizers[${index}]`;
    const complaints = qualifiedName(finalizer);
    report.each('metadata.finalizers', finalizer, complaints);
    const anyName = resource.schema?.ref === undefined || resource.group === 'apiextensions.k8s.io';
    const bare = !finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer);
    if (complaints.length === 0 && bare && !anyName) {
      report.invalid(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified');
    }
  }
}

/** A label selector in itself. Answers whether it can be matched with labels. */
export function checkSelector(report: Report, field: string, selector: Json | undefined): boolean {
  const before = report.errors.length;
  checkLabels(report, `${field}.matchLabels`, part(selector, 'matchLabels'));
  for (const [index, expression] of list(selector, 'matchExpressions').entries()) {
    const at = `${field}.matchExpressions[${index}]`;
    const operator = text(expression, 'operator');
    const values = list(expression, 'values');
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
      report.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
      report.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else if (!['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(operator)) {
      report.invalid(`${at}.operator`, operator, 'not a valid selector operator');
    }
    report.each(`${at}.key`, part(expression, 'key'), qualifiedName(text(expression, 'key')));
  }
  return report.errors.length === before;
}

/** Whether a selector takes these labels; an empty one takes all. */
export function selects(selector: Json | undefined, labels: Json | undefined): boolean {
  const have = fields(labels);
  const wanted = Object.entries(fields(selector, 'matchLabels'));
  if (!wanted.every(([key, value]) => have[key] === value)) return false;
  return list(selector, 'matchExpressions').every((expression) => {
    const value = have[text(expression, 'key')];
    const values = list(expression, 'values');
    switch (text(expression, 'operator')) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
}

export function isEmptySelector(selector: Json | undefined): boolean {
  if (!isObject(selector)) return true;
  return Object.keys(fields(selector, 'matchLabels')).length === 0 && list(selector, 'matchExpressions').length === 0;
}
