/** CEL (the Common Expression Language, as Kubernetes uses it) over a cluster: `cluster.labels.region == 'eu'`. */
import { Environment } from '@marcbachmann/cel-js';
import { errorText } from '../base/index.ts';
import type { CompileExpression } from './types.ts';

const environment = new Environment({ unlistedVariablesAreDyn: false }).registerVariable('cluster', 'map');

export const compileCel: CompileExpression = (text) => {
  try {
    const program = environment.parse(text);
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
