import { type CompiledExpression, compileExpression } from './expression.ts';

/** How a user says that objects of a kind are ready (`health.cel`); the expressions are CEL over `object`. */
export interface HealthRule {
  readonly kind: string;
  /** Only objects of this apiVersion. */
  readonly apiVersion?: string | undefined;
  /** True: ready. */
  readonly current: string;
  /** True: it has failed and will not come by waiting. */
  readonly failed?: string | undefined;
  /** A text for people. */
  readonly message?: string | undefined;
}

export interface CompiledHealthRule {
  readonly rule: HealthRule;
  readonly current: CompiledExpression;
  readonly failed?: CompiledExpression;
  readonly message?: CompiledExpression;
}

export function compileHealthRule(rule: HealthRule): CompiledHealthRule {
  const compile = (text: string, answers: 'bool' | 'string') =>
    compileExpression(text, { variable: 'object', answers, loopDepthMax: 2 });
  return {
    rule,
    current: compile(rule.current, 'bool'),
    ...(rule.failed === undefined ? {} : { failed: compile(rule.failed, 'bool') }),
    ...(rule.message === undefined ? {} : { message: compile(rule.message, 'string') }),
  };
}
