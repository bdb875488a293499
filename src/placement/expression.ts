/** CEL over a cluster: `cluster.labels.region == 'eu'`. */
import { compileExpression } from '../base/index.ts';
import type { CompileExpression } from './types.ts';

export const compileCel: CompileExpression = (text) => {
  const compiled = compileExpression(text, { variable: 'cluster', answers: 'bool', loopDepthMax: 1 });
  if (compiled.kind === 'invalid') return compiled;
  return {
    kind: 'compiled',
    holds(cluster) {
      const answer = compiled.evaluate(cluster);
      return answer.kind === 'value' ? answer.value === true : { error: answer.message };
    },
  };
};
