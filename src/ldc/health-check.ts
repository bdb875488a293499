import { compileHealthRule, isObject, type Json, type KubeObject, type Problem } from '../base/index.ts';
import type { Outline, PartOutline } from './outline.ts';
import { problemAt, valueAt } from './problems.ts';
import { healthRule } from './schema/function.ts';
import { didYouMean } from './suggest.ts';
import type { SourceDocument } from './types.ts';

/** Expressions of `health.cel` that cannot be read or do not answer what is asked. */
export function healthExpressions({ parts }: Outline, source: SourceDocument): readonly Problem[] {
  return parts.flatMap((part) =>
    rulesOf(part).flatMap((raw, index) => {
      const parsed = healthRule.safeParse(raw);
      if (!parsed.success) return []; // the schema has said so
      const { current, failed, message } = compileHealthRule(parsed.data);
      return Object.entries({ current, failed, message }).flatMap(([field, one]) =>
        one?.kind === 'invalid' ? [problemAt(source, [...part.path, 'health', 'cel', index, field], one.message)] : [],
      );
    }),
  );
}

/** Rules of `health.cel` for kinds that the function does not have, or whose content must not be told. */
export function checkHealthKinds(
  part: PartOutline,
  present: readonly KubeObject[],
  source: SourceDocument,
): readonly Problem[] {
  return rulesOf(part).flatMap((rule, index) => {
    if (!isObject(rule) || typeof rule.kind !== 'string') return [];
    const { kind, apiVersion } = rule;
    const path = [...part.path, 'health', 'cel', index];
    if (kind === 'Secret') {
      const hint = 'what an expression reads may show up in messages; ask an object that uses the Secret';
      return [problemAt(source, [...path, 'kind'], 'the health of a Secret cannot be asked', hint)];
    }
    const alike = present.filter((object) => object.kind === kind);
    if (alike.length === 0) {
      const hint = didYouMean(kind, [...new Set(present.map((object) => object.kind))]);
      return [problemAt(source, [...path, 'kind'], `the function has no ${kind}`, hint)];
    }
    const versions = [...new Set(alike.map((object) => object.apiVersion))];
    if (typeof apiVersion !== 'string' || versions.includes(apiVersion)) return [];
    const hint = didYouMean(apiVersion, versions);
    return [problemAt(source, [...path, 'apiVersion'], `the function has no ${kind} of ${apiVersion}`, hint)];
  });
}

function rulesOf(part: PartOutline): readonly Json[] {
  const list = valueAt(part.raw, ['health', 'cel']);
  return Array.isArray(list) ? list : [];
}
