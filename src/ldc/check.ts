import { findCycle, isObject, type Json, type Problem } from '../base/index.ts';
import { healthExpressions } from './health-check.ts';
import { type Outline, outlineOf, type PartOutline } from './outline.ts';
import { problemAt, valueAt } from './problems.ts';
import { didYouMean } from './suggest.ts';
import type { Path, SourceDocument } from './types.ts';
import { DURATION_PATTERN, durationMs } from './units.ts';

/** A rule over a definition as a whole; it reads what it can and says nothing of what has the wrong type. */
type Rule = (outline: Outline, source: SourceDocument) => readonly Problem[];

/** Every rule that a schema cannot hold. */
export function checkDefinition(source: SourceDocument): readonly Problem[] {
  const outline = outlineOf(source.value);
  return RULES.flatMap((rule) => rule(outline, source));
}

const RULES: readonly Rule[] = [
  emptyStack,
  sameNames,
  danglingNeeds,
  cycles,
  locationCounts,
  waves,
  expressions,
  healthExpressions,
  databases,
  traffic,
];

function emptyStack(outline: Outline, source: SourceDocument): readonly Problem[] {
  const { functions, databases } = outline.spec;
  const none = (list: Json | undefined) => list === undefined || (Array.isArray(list) && list.length === 0);
  if (!isObject(valueAt(source.value, ['spec'])) || !none(functions) || !none(databases)) return [];
  return [problemAt(source, ['spec', 'functions'], 'a stack needs at least one function or database')];
}

function sameNames({ parts }: Outline, source: SourceDocument): readonly Problem[] {
  const first = new Map<string, PartOutline>();
  return parts.flatMap((part) => {
    if (part.name === undefined) return [];
    const earlier = first.get(part.name.text);
    if (earlier === undefined) {
      first.set(part.name.text, part);
      return [];
    }
    const line = source.at(earlier.name?.path ?? []).line;
    return [
      problemAt(source, part.name.path, `the name "${part.name.text}" is taken by the ${earlier.kind} on line ${line}`),
    ];
  });
}

function danglingNeeds({ parts }: Outline, source: SourceDocument): readonly Problem[] {
  const names = parts.flatMap((part) => (part.name === undefined ? [] : [part.name.text]));
  return parts.flatMap((part) =>
    part.needs
      .filter((need) => !names.includes(need.text))
      .map((need) => {
        const others = names.filter((name) => name !== part.name?.text);
        const hint = didYouMean(need.text, others);
        return problemAt(
          source,
          need.path,
          `needs "${need.text}", which is no function or database of this stack`,
          hint,
        );
      }),
  );
}

function cycles({ parts }: Outline, source: SourceDocument): readonly Problem[] {
  const graph = new Map(parts.map((part) => [part.name?.text ?? '', part.needs.map((need) => need.text)]));
  const cycle = findCycle(graph);
  if (cycle === undefined) return [];
  const part = parts.find((one) => one.name?.text === cycle[0]);
  const need = part?.needs.find((one) => one.text === cycle[1]);
  return [problemAt(source, need?.path ?? ['spec', 'functions'], `needs go round in a circle: ${cycle.join(' → ')}`)];
}

function locationCounts({ parts }: Outline, source: SourceDocument): readonly Problem[] {
  return parts
    .filter((part) => part.kind === 'function')
    .flatMap((part) => {
      const read = (...steps: string[]) => wholeNumber(valueAt(part.raw, steps));
      const place = (...steps: string[]): Path => [...part.path, ...steps];
      const min = read('availability', 'locations', 'min') ?? 1;
      const written = valueAt(part.raw, ['availability', 'locations', 'max']);
      const max = wholeNumber(written) ?? (written === undefined ? min : undefined);
      const problems: Problem[] = [];
      if (max !== undefined && max < min) {
        const message = `max is ${max}, less than min, which is ${min}`;
        problems.push(problemAt(source, place('availability', 'locations', 'max'), message));
      }
      const survive = valueAt(part.raw, ['availability', 'survive']);
      const count = isObject(survive) ? (wholeNumber(survive.count) ?? 1) : 0;
      if (max !== undefined && max >= min && max < min + count) {
        const message = `after losing ${count} of ${max} locations fewer than min (${min}) are left`;
        const hint = `set availability.locations.max to ${min + count} or more`;
        problems.push(problemAt(source, place('availability', 'survive'), message, hint));
      }
      const total = read('replicas', 'total');
      if (total !== undefined && total < min) {
        const message = `${total} replicas cannot serve ${min} locations`;
        problems.push(problemAt(source, place('replicas', 'total'), message, `at least ${min}`));
      }
      return problems;
    });
}

function waves({ spec }: Outline, source: SourceDocument): readonly Problem[] {
  const list = valueAt(spec, ['rollout', 'waves']);
  if (!Array.isArray(list) || list.length === 0) return [];
  const path = ['spec', 'rollout', 'waves'];
  const problems: Problem[] = [];
  const shares = list.map((wave: Json) =>
    typeof wave === 'string' && /^\d+%$/.test(wave) ? Number.parseInt(wave, 10) : undefined,
  );
  const last = list.at(-1) as Json;
  if (typeof last === 'number' || (shares.at(-1) !== undefined && shares.at(-1) !== 100)) {
    problems.push(problemAt(source, [...path, list.length - 1], 'the last wave must be 100%', 'add 100%'));
  }
  for (let index = 1; index < list.length; index++) {
    const [before, here] = [list[index - 1] as Json, list[index] as Json];
    const shrinks =
      typeof before === 'number' && typeof here === 'number'
        ? here <= before
        : (shares[index] ?? 101) <= (shares[index - 1] ?? 0);
    if (shrinks)
      problems.push(problemAt(source, [...path, index], `each wave must be larger than the one before (${before})`));
  }
  return problems;
}

/** In and NotIn need values, the others have none; wherever a selector stands. */
function expressions(_: Outline, source: SourceDocument): readonly Problem[] {
  const problems: Problem[] = [];
  const visit = (value: Json | undefined, path: Path) => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, [...path, index]);
    if (!isObject(value)) return;
    const { operator, values } = value;
    if (path.at(-2) === 'matchExpressions' && typeof operator === 'string') {
      const some = Array.isArray(values) && values.length > 0;
      if ((operator === 'In' || operator === 'NotIn') && !some)
        problems.push(problemAt(source, path, `${operator} needs values`));
      if ((operator === 'Exists' || operator === 'DoesNotExist') && some) {
        problems.push(problemAt(source, [...path, 'values'], `${operator} takes no values`));
      }
    }
    for (const [key, item] of Object.entries(value)) if (key !== 'value') visit(item, [...path, key]);
  };
  visit(valueAt(source.value, ['spec']), ['spec']);
  return problems;
}

function databases({ parts }: Outline, source: SourceDocument): readonly Problem[] {
  return parts
    .filter((part) => part.kind === 'database')
    .flatMap((part) => {
      const read = (...steps: string[]) => valueAt(part.raw, steps);
      const place = (...steps: string[]): Path => [...part.path, ...steps];
      const problems: Problem[] = [];
      const members = wholeNumber(read('members', 'min')) ?? 2;
      const mode = read('replication', 'mode') ?? 'synchronous';
      const automatic = read('failover', 'automatic') === true;
      if (mode === 'asynchronous' && (milliseconds(read('objectives', 'rpo')) ?? 0) === 0) {
        const message = 'asynchronous replication cannot promise an rpo of 0s';
        problems.push(
          problemAt(source, place('replication', 'mode'), message, 'state objectives.rpo, or replicate synchronously'),
        );
      }
      if (mode === 'synchronous' && read('replication', 'mode') !== undefined && members < 2) {
        problems.push(problemAt(source, place('members', 'min'), 'synchronous replication needs at least 2 members'));
      }
      if (automatic && members < 2) {
        problems.push(problemAt(source, place('failover', 'automatic'), 'automatic failover needs at least 2 members'));
      }
      const accepted = milliseconds(read('failover', 'acceptLoss')) ?? 0;
      const rpo = milliseconds(read('objectives', 'rpo')) ?? 0;
      if (accepted > rpo) {
        problems.push(
          problemAt(source, place('failover', 'acceptLoss'), 'accepts more loss than objectives.rpo allows'),
        );
      }
      return problems;
    });
}

function traffic({ spec }: Outline, source: SourceDocument): readonly Problem[] {
  if (!Array.isArray(spec.traffic)) return [];
  return spec.traffic.map((_: Json, index) => {
    const message = 'ldc does not steer traffic yet';
    return problemAt(
      source,
      ['spec', 'traffic', index],
      message,
      'leave traffic out and keep steering it as you do today',
    );
  });
}

function wholeNumber(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}

function milliseconds(value: Json | undefined): number | undefined {
  return typeof value === 'string' && DURATION_PATTERN.test(value) ? durationMs(value) : undefined;
}
