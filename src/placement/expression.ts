/** CEL (the Common Expression Language, as Kubernetes uses it) over a cluster: `cluster.labels.region == 'eu'`. */
import { Environment } from '@marcbachmann/cel-js';
import { errorText } from '../base/index.ts';
import type { CompileExpression } from './types.ts';

/** An expression says something about one cluster: small, or it is meant to keep the hub busy. */
const LIMITS = { maxAstNodes: 500, maxDepth: 20, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 32 };
const LOOPS: ReadonlySet<unknown> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

const environment = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS }).registerVariable(
  'cluster',
  'map',
);

export const compileCel: CompileExpression = (text) => {
  try {
    const program = environment.parse(text);
    if (loopDepth(program.ast) > 1) {
      return { kind: 'invalid', message: 'a loop within a loop (all, exists, map, filter) is not served: use "in"' };
    }
    if (calls(program.ast, 'matches')) {
      return { kind: 'invalid', message: 'matches is not served: use startsWith, endsWith, contains or "in"' };
    }
    const checked = program.check();
    if (!checked.valid) return { kind: 'invalid', message: checked.error?.message ?? 'not a valid expression' };
    if (checked.type !== 'bool' && checked.type !== 'dyn') {
      return { kind: 'invalid', message: `must be true or false for a cluster, but is of type ${checked.type}` };
    }
    return {
      kind: 'compiled',
      holds(cluster) {
        try {
          const value: unknown = program({ cluster });
          return typeof value === 'boolean' ? value : { error: `answered ${typeof value}, not true or false` };
        } catch (error) {
          return { error: errorText(error) };
        }
      },
    };
  } catch (error) {
    return { kind: 'invalid', message: errorText(error) };
  }
};

/** How deep loops stand in each other: each one multiplies the time. A node is `{op, args}`; a loop `rcall [name, list, arguments]`. */
function loopDepth(node: unknown): number {
  if (Array.isArray(node)) return Math.max(0, ...node.map(loopDepth));
  if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return 0;
  const isLoop = node.op === 'rcall' && Array.isArray(node.args) && LOOPS.has(node.args[0]);
  return loopDepth(node.args) + (isLoop ? 1 : 0);
}

/** Regular expressions of strangers take as long as they like. */
function calls(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((inner) => calls(inner, name));
  if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return false;
  const called = (node.op === 'rcall' || node.op === 'call') && Array.isArray(node.args) && node.args[0] === name;
  return called || calls(node.args, name);
}
