/** Rules about Ingresses and network policies. */
import { isIP } from 'node:net';
import { type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { checkRange, isStrictSubset } from './addresses.ts';
import { checkSelector } from './metadata.ts';
import { subdomain } from './names.ts';
import { checkPortReference } from './pod.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';

function checkBackend(report: Report, field: string, backend: Json | undefined): void {
  const target = part(backend, 'service');
  const resource = part(backend, 'resource');
  if (resource !== undefined && target !== undefined) {
    report.invalid(field, '', 'cannot set both resource and service backends');
    return;
  }
  if (target === undefined) {
    if (resource === undefined) report.invalid(field, '', 'resource or service backend is required');
    return;
  }
  const name = text(target, 'port', 'name');
  const number = part(target, 'port', 'number') ?? 0;
  if (name !== '' && number !== 0) report.invalid(field, '', 'cannot set both port name & port number');
  else if (name === '' && number === 0) report.required(field, 'port name or number is required');
  else if (text(target, 'name') === '') report.required(`${field}.service.name`);
}

/** What no path that is compared may hold. */
const UNCLEAN = ['//', '/./', '/../', '%2f', '%2F'];
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];

export function ingress(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const rules = list(spec, 'rules');
  const fallback = part(spec, 'defaultBackend');
  if (rules.length === 0 && fallback === undefined) {
    report.invalid('spec', null, 'either `defaultBackend` or `rules` must be specified');
  }
  if (fallback !== undefined) checkBackend(report, 'spec.defaultBackend', fallback);
  for (const [index, rule] of rules.entries()) checkIngressRule(report, `spec.rules[${index}]`, rule);
  for (const [index, tls] of list(spec, 'tls').entries()) {
    for (const [each, host] of list(tls, 'hosts').entries()) {
      const complaints = subdomain(String(host).replace(/^\*\./, ''));
      report.each(`spec.tls[${index}].hosts[${each}]`, host, complaints);
    }
  }
  const name = text(spec, 'ingressClassName');
  if (name !== '') report.each('spec.ingressClassName', name, subdomain(name));
}

function checkIngressRule(report: Report, at: string, rule: Json): void {
  const host = text(rule, 'host');
  if (isIP(host) !== 0) report.invalid(`${at}.host`, host, 'must be a DNS name, not an IP address');
  if (host !== '') report.each(`${at}.host`, host, subdomain(host.replace(/^\*\./, '')));
  const http = part(rule, 'http');
  if (http !== undefined && list(http, 'paths').length === 0) report.required(`${at}.http.paths`);
  for (const [index, path] of list(http, 'paths').entries()) {
    const field = `${at}.http.paths[${index}]`;
    const type = part(path, 'pathType') ?? undefined;
    const place = text(path, 'path');
    if (type === undefined) {
      report.required(`${field}.pathType`, 'pathType must be specified');
    } else if (typeof type !== 'string' || !PATH_TYPES.includes(type)) {
      report.notSupported(`${field}.pathType`, type, PATH_TYPES);
    } else if (type !== 'ImplementationSpecific' && !place.startsWith('/')) {
      report.invalid(`${field}.path`, place, 'must be an absolute path');
    } else if (type !== 'ImplementationSpecific') {
      for (const step of UNCLEAN.filter((unclean) => place.includes(unclean))) {
        report.invalid(`${field}.path`, place, `must not contain '${step}'`);
      }
    }
    if (type !== undefined) checkBackend(report, `${field}.backend`, part(path, 'backend'));
  }
}

export function networkPolicy(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  checkSelector(report, 'spec.podSelector', part(spec, 'podSelector'));
  for (const [direction, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [index, rule] of list(spec, direction).entries()) {
      const at = `spec.${direction}[${index}]`;
      for (const [each, port] of list(rule, 'ports').entries()) {
        report.oneOf(`${at}.ports[${each}].protocol`, part(port, 'protocol'), ['TCP', 'UDP', 'SCTP']);
        const number = part(port, 'port');
        if (number !== undefined) checkPortReference(report, `${at}.ports[${each}].port`, number);
        const end = part(port, 'endPort');
        if (typeof end === 'number' && typeof number === 'number' && end < number) {
          report.invalid(`${at}.ports[${each}].endPort`, number, 'must be greater than or equal to `port`');
        }
      }
      for (const [each, peer] of list(rule, peers).entries()) {
        checkPeer(report, `${at}.${peers}[${each}]`, peer);
      }
    }
  }
  for (const [index, type] of list(spec, 'policyTypes').entries()) {
    report.oneOf(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']);
  }
}

function checkPeer(report: Report, at: string, peer: Json): void {
  const block = part(peer, 'ipBlock');
  const given = Object.keys(fields(peer));
  if (given.length === 0) report.required(at, 'must specify a peer');
  if (block !== undefined && given.length > 1) report.forbidden(at, 'may not specify both ipBlock and another peer');
  if (block === undefined) return;
  const range = part(block, 'cidr');
  if (range === undefined || range === '') report.required(`${at}.ipBlock.cidr`);
  else if (!checkRange(report, `${at}.ipBlock.cidr`, range)) return;
  for (const [index, except] of list(block, 'except').entries()) {
    const field = `${at}.ipBlock.except[${index}]`;
    if (checkRange(report, field, except) && !isStrictSubset(except, range)) {
      report.invalid(field, except, 'must be a strict subset of `cidr`');
    }
  }
}

export function ingressClass(report: Report, object: KubeObject): void {
  const controller = text(object.spec as Json | undefined, 'controller');
  if (controller === '') report.required('spec.controller');
  else if (!/^[^/]+\/./.test(controller)) {
    report.invalid('spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")');
  }
  const parameters = part(object.spec as Json | undefined, 'parameters');
  if (parameters === undefined) return;
  for (const key of ['kind', 'name']) {
    if (text(parameters, key) === '') report.required(`spec.parameters.${key}`);
  }
}

export function fixedIngressClass(report: Report, object: KubeObject, before: KubeObject): void {
  const controller = part(object.spec as Json, 'controller');
  if (!jsonEqual(controller, part(before.spec as Json, 'controller'))) {
    report.invalid('spec.controller', controller, 'field is immutable');
  }
}
