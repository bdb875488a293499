/** Rules about roles and their bindings. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { checkSelector } from './metadata.ts';
import { subdomain } from './names.ts';
import { list, part, text } from './read.ts';
import type { Report } from './report.ts';

function checkRule(report: Report, at: string, rule: Json, isNamespaced: boolean): void {
  if (list(rule, 'verbs').length === 0) report.required(`${at}.verbs`, 'verbs must contain at least one value');
  const urls = list(rule, 'nonResourceURLs');
  const groups = list(rule, 'apiGroups');
  const resources = list(rule, 'resources');
  if (urls.length > 0) {
    const field = `${at}.nonResourceURLs`;
    if (isNamespaced) report.invalid(field, urls as Json, 'namespaced rules cannot apply to non-resource URLs');
    if (groups.length + resources.length + list(rule, 'resourceNames').length > 0) {
      report.invalid(field, urls as Json, 'rules cannot apply to both regular resources and non-resource URLs');
    }
    return;
  }
  if (groups.length === 0) report.required(`${at}.apiGroups`, 'resource rules must supply at least one api group');
  if (resources.length === 0) report.required(`${at}.resources`, 'resource rules must supply at least one resource');
}

export function role(report: Report, object: KubeObject): void {
  const isNamespaced = object.kind === 'Role';
  for (const [index, rule] of list(object as unknown as Json, 'rules').entries()) {
    checkRule(report, `rules[${index}]`, rule, isNamespaced);
  }
  const aggregation = part(object as unknown as Json, 'aggregationRule');
  if (aggregation === undefined) return;
  const field = 'aggregationRule.clusterRoleSelectors';
  const selectors = list(aggregation, 'clusterRoleSelectors');
  if (selectors.length === 0) {
    report.required(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
  }
  for (const [index, selector] of selectors.entries()) {
    const at = `${field}[${index}]`;
    if (!checkSelector(report, at, selector)) report.invalid(at, null, 'invalid label selector.');
  }
}

const RBAC = 'rbac.authorization.k8s.io';

export function roleBinding(report: Report, object: KubeObject): void {
  const binding = object as unknown as Json;
  const reference = part(binding, 'roleRef');
  if (text(reference, 'apiGroup') !== RBAC)
    report.notSupported('roleRef.apiGroup', text(reference, 'apiGroup'), [RBAC]);
  const kinds = object.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(text(reference, 'kind'))) report.notSupported('roleRef.kind', text(reference, 'kind'), kinds);
  if (text(reference, 'name') === '') report.required('roleRef.name');
  for (const [index, subject] of list(binding, 'subjects').entries()) {
    checkSubject(report, `subjects[${index}]`, subject, object.kind === 'RoleBinding');
  }
}

const SUBJECTS = ['ServiceAccount', 'User', 'Group'];

function checkSubject(report: Report, at: string, subject: Json, isNamespaced: boolean): void {
  const name = text(subject, 'name');
  const kind = text(subject, 'kind');
  if (name === '') report.required(`${at}.name`);
  if (!SUBJECTS.includes(kind)) report.notSupported(`${at}.kind`, kind, SUBJECTS);
  const group = text(subject, 'apiGroup');
  const expected = kind === 'ServiceAccount' ? '' : RBAC;
  if (SUBJECTS.includes(kind) && group !== expected) report.notSupported(`${at}.apiGroup`, group, [expected]);
  if (kind !== 'ServiceAccount') return;
  if (name !== '') report.each(`${at}.name`, name, subdomain(name));
  if (!isNamespaced && text(subject, 'namespace') === '') report.required(`${at}.namespace`);
}

/** A reference to a role as messages show it. */
function shownReference(reference: Json | undefined): Json {
  if (!isObject(reference)) return null;
  return { APIGroup: text(reference, 'apiGroup'), Kind: text(reference, 'kind'), Name: text(reference, 'name') };
}

/** The role that a binding grants is part of its identity. */
export function fixedRoleRef(report: Report, object: KubeObject, before: KubeObject): void {
  const reference = object.roleRef as Json | undefined;
  if (!jsonEqual(reference, before.roleRef as Json | undefined))
    report.invalid('roleRef', shownReference(reference), 'cannot change roleRef');
}
