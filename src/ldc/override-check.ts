import type { KubeObject, Problem } from '../base/index.ts';
import { FORGED, referenceIn } from './manifest.ts';
import type { PartOutline } from './outline.ts';
import { operationProblem, patched, targets } from './override.ts';
import { problemAt } from './problems.ts';
import { override as overrideSchema } from './schema/function.ts';
import { didYouMean } from './suggest.ts';
import type { Override, Path, SourceDocument } from './types.ts';

type Operation = Override['patch'][number];

/** Overrides that match nothing that is `present`, touch what identifies an object, or cannot be done on a `usable` one. */
export function checkOverrides(
  part: PartOutline,
  present: readonly KubeObject[],
  usable: readonly KubeObject[],
  source: SourceDocument,
): readonly Problem[] {
  const list = Array.isArray(part.raw.overrides) ? part.raw.overrides : [];
  const problems: Problem[] = [];
  const all: Operation[] = [];
  for (const [index, raw] of list.entries()) {
    const parsed = overrideSchema.safeParse(raw);
    if (!parsed.success) continue; // the schema has said so
    const path = [...part.path, 'overrides', index, 'patch'];
    const before = problems.length;
    for (const [step, operation] of parsed.data.patch.entries()) {
      problems.push(...operationProblems(operation, [...path, step], present, source));
    }
    all.push(...parsed.data.patch);
    if (problems.length === before) problems.push(...failures(parsed.data.patch, all, path, usable, source));
  }
  return problems;
}

const IDENTITY = /^\/(apiVersion|kind|metadata)$|^\/metadata\/(name|namespace)$/;

function operationProblems(
  operation: Operation,
  path: Path,
  objects: readonly KubeObject[],
  source: SourceDocument,
): Problem[] {
  const problems: Problem[] = [];
  const incomplete = operationProblem(operation);
  if (incomplete !== undefined) problems.push(problemAt(source, path, incomplete));
  const forged = referenceIn(operation.value);
  if (forged !== undefined) problems.push(problemAt(source, [...path, 'value', ...forged], FORGED));
  if (IDENTITY.test(operation.path)) {
    problems.push(
      problemAt(source, [...path, 'path'], `${operation.path} identifies the object and cannot be overridden`),
    );
  }
  if (!objects.some((object) => targets(operation, object))) {
    const { kind, name, apiVersion } = operation.target;
    const wanted = [apiVersion, kind, name].filter((word) => word !== undefined).join(' ');
    const sameKind = objects.filter((object) => object.kind === kind);
    const known =
      sameKind.length > 0 && name !== undefined
        ? sameKind.map((one) => one.metadata.name)
        : objects.map((one) => one.kind);
    const word = sameKind.length > 0 && name !== undefined ? name : kind;
    const hint = didYouMean(word, [...new Set(known)]);
    problems.push(problemAt(source, [...path, 'target'], `matches no object of this function: ${wanted}`, hint));
  }
  return problems;
}

/** What cannot be done on the object as it stands, nor after the overrides before it (a cluster may match several). */
function failures(
  own: readonly Operation[],
  all: readonly Operation[],
  path: Path,
  objects: readonly KubeObject[],
  source: SourceDocument,
): Problem[] {
  return objects.flatMap((object) => {
    const alone = patched(object, own);
    if (alone.kind === 'patched' || patched(object, all).kind === 'patched') return [];
    const where = `${object.kind} ${object.metadata.name}`;
    return [problemAt(source, [...path, alone.index, 'path'], `${alone.message} in ${where}`)];
  });
}
