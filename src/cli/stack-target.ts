/** Which stack, and which function of it, a name means. */
import type { HubClient } from '../api/client/index.ts';
import type { StackSummary } from '../stacks/types.ts';
import { exit, Failure, usage } from './failure.ts';

export interface StackTarget {
  readonly project: string;
  readonly name: string;
  /** undefined: the whole stack. */
  readonly function: string | undefined;
  readonly summary: StackSummary;
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/**
 * STACK, STACK/FUNCTION, PROJECT/STACK or PROJECT/STACK/FUNCTION, also as `-o name` prints them. Of two names the first is
 * taken for a stack of project `default` when that stack has such a function, else for a project.
 * @throws Failure with what there is, when there is no such thing
 */
export async function findTarget(
  client: HubClient,
  { routes, HubProblem }: typeof import('../api/client/index.ts'),
  text: string,
): Promise<StackTarget> {
  const words = text.replace(/^(stack|function)\//, '').split('/');
  if (words.length > 3 || words.some((word) => !NAME.test(word)))
    throw usage(`${text} names no stack`, 'STACK, STACK/FUNCTION, PROJECT/STACK or PROJECT/STACK/FUNCTION');
  const read = async (project: string, name: string): Promise<StackSummary | undefined> => {
    try {
      return (await client.call(routes.stacks.describe, { params: { project, name } })).summary;
    } catch (error) {
      if (error instanceof HubProblem && error.problem.status === 404) return undefined;
      throw error;
    }
  };
  const [first, second, third] = words as [string, string | undefined, string | undefined];
  if (second !== undefined && third !== undefined)
    return chosen(await read(first, second), `${first}/${second}`, third);
  const own = await read('default', first);
  if (second === undefined) return chosen(own, `default/${first}`, undefined);
  if (own?.functions.some((view) => view.function === second)) return chosen(own, `default/${first}`, second);
  const other = await read(first, second);
  return other === undefined && own !== undefined
    ? chosen(own, `default/${first}`, second)
    : chosen(other, `${first}/${second}`, undefined);
}

function chosen(summary: StackSummary | undefined, stack: string, name: string | undefined): StackTarget {
  if (summary === undefined)
    throw new Failure(exit.failed, `there is no stack ${stack}`, { hint: '`ldc get stacks` lists all' });
  const known = summary.functions.map((view) => view.function);
  if (name !== undefined && !known.includes(name))
    throw new Failure(exit.failed, `${stack} has no function ${name}`, {
      hint: `it has: ${known.join(', ') || 'none'}`,
    });
  return { project: summary.project, name: summary.name, function: name, summary };
}
