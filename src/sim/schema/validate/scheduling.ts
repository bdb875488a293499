/** Rules about where pods may go: tolerations, affinity, spread. */
import type { Json } from '../../../base/index.ts';
import { checkSelector } from './metadata.ts';
import { qualifiedName } from './names.ts';
import { list, part, text } from './read.ts';
import type { Report } from './report.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const NODE_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];

function checkTolerations(report: Report, field: string, tolerations: readonly Json[]): void {
  for (const [index, toleration] of tolerations.entries()) {
    const at = `${field}[${index}]`;
    const operator = text(toleration, 'operator');
    if (text(toleration, 'key') === '' && operator !== 'Exists') {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      report.invalid(`${at}.operator`, operator, why);
    }
    if (operator === 'Exists' && text(toleration, 'value') !== '') {
      report.invalid(`${at}.operator`, part(toleration, 'value'), "value must be empty when `operator` is 'Exists'");
    }
    if (!['', 'Equal', 'Exists'].includes(operator))
      report.notSupported(`${at}.operator`, operator, ['Equal', 'Exists']);
    const effect = text(toleration, 'effect');
    if (effect !== '' && !EFFECTS.includes(effect)) report.notSupported(`${at}.effect`, effect, EFFECTS);
  }
}

function checkNodeTerm(report: Report, at: string, term: Json | undefined): void {
  for (const [index, expression] of list(term, 'matchExpressions').entries()) {
    const field = `${at}.matchExpressions[${index}]`;
    const operator = text(expression, 'operator');
    const values = list(expression, 'values');
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
      report.required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
      report.forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else if ((operator === 'Gt' || operator === 'Lt') && values.length !== 1) {
      report.required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
    } else if (!NODE_OPERATORS.includes(operator)) {
      report.invalid(`${field}.operator`, operator, 'not a valid selector operator');
    }
    report.each(`${field}.key`, text(expression, 'key'), qualifiedName(text(expression, 'key')));
  }
}

function checkWeight(report: Report, at: string, preference: Json): void {
  const weight = part(preference, 'weight') ?? 0;
  if (typeof weight !== 'number' || weight < 1 || weight > 100) {
    report.invalid(`${at}.weight`, weight, 'must be in the range 1-100');
  }
}

function checkNodeAffinity(report: Report, field: string, affinity: Json | undefined): void {
  const required = part(affinity, REQUIRED);
  if (required !== undefined) {
    const at = `${field}.${REQUIRED}.nodeSelectorTerms`;
    const terms = list(required, 'nodeSelectorTerms');
    if (terms.length === 0) report.required(at, 'must have at least one node selector term');
    for (const [index, term] of terms.entries()) checkNodeTerm(report, `${at}[${index}]`, term);
  }
  for (const [index, preferred] of list(affinity, PREFERRED).entries()) {
    const at = `${field}.${PREFERRED}[${index}]`;
    checkWeight(report, at, preferred);
    checkNodeTerm(report, `${at}.preference`, part(preferred, 'preference'));
  }
}

function checkTopologyKey(report: Report, field: string, key: string): void {
  if (key === '') report.required(field, 'can not be empty');
  report.each(field, key, qualifiedName(key));
}

function checkPodTerm(report: Report, at: string, term: Json | undefined): void {
  checkSelector(report, `${at}.labelSelector`, part(term, 'labelSelector'));
  checkTopologyKey(report, `${at}.topologyKey`, text(term, 'topologyKey'));
}

function checkPodAffinity(report: Report, field: string, affinity: Json | undefined): void {
  for (const [index, term] of list(affinity, REQUIRED).entries()) {
    checkPodTerm(report, `${field}.${REQUIRED}[${index}]`, term);
  }
  for (const [index, preferred] of list(affinity, PREFERRED).entries()) {
    const at = `${field}.${PREFERRED}[${index}]`;
    checkWeight(report, at, preferred);
    checkPodTerm(report, `${at}.podAffinityTerm`, part(preferred, 'podAffinityTerm'));
  }
}

function checkSpread(report: Report, field: string, constraints: readonly Json[]): void {
  for (const [index, constraint] of constraints.entries()) {
    const at = `${field}[${index}]`;
    const skew = part(constraint, 'maxSkew') ?? 0;
    if (typeof skew !== 'number' || skew <= 0) report.invalid(`${at}.maxSkew`, skew, 'must be greater than zero');
    checkTopologyKey(report, `${at}.topologyKey`, text(constraint, 'topologyKey'));
    report.oneOf(`${at}.whenUnsatisfiable`, text(constraint, 'whenUnsatisfiable'), ['DoNotSchedule', 'ScheduleAnyway']);
    const selector = part(constraint, 'labelSelector');
    if (selector !== undefined) checkSelector(report, `${at}.labelSelector`, selector);
  }
}

/** All of it of one pod spec. */
export function checkScheduling(report: Report, field: string, spec: Json | undefined): void {
  const affinity = part(spec, 'affinity');
  checkNodeAffinity(report, `${field}.affinity.nodeAffinity`, part(affinity, 'nodeAffinity'));
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    checkPodAffinity(report, `${field}.affinity.${kind}`, part(affinity, kind));
  }
  checkTolerations(report, `${field}.tolerations`, list(spec, 'tolerations'));
  checkSpread(report, `${field}.topologySpreadConstraints`, list(spec, 'topologySpreadConstraints'));
  for (const [index, gate] of list(spec, 'schedulingGates').entries()) {
    const name = text(gate, 'name');
    report.each(`${field}.schedulingGates[${index}]`, name, qualifiedName(name));
  }
}
