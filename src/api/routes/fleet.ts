import type { FunctionView } from '../../stacks/types.ts';
import { routes } from '../contract/index.ts';
import { type Binding, bind } from '../http/binding.ts';
import { given, pageOf } from '../http/page.ts';
import { doneOr } from '../http/problem.ts';
import type { Services, SimPort } from '../services.ts';

export function fleetRoutes({ stacks, availability }: Services): Binding[] {
  return [
    bind(routes.functions.list, ({ query }) => {
      const { after, limit, ...filter } = query;
      const keyOf = (view: FunctionView) => `${view.project}/${view.stack}/${view.function}`;
      return { answer: pageOf(stacks.functions(given(filter)), keyOf, { after, limit }) };
    }),
    bind(routes.fleet.whatIf, ({ query }) => ({ answer: stacks.whatIf(labelsOf(query.lose)) })),
    bind(routes.fleet.availability, () => ({ answer: availability.status() })),
  ];
}

export function simRoutes(sim: SimPort): Binding[] {
  return [
    bind(routes.sim.clusters, async () => ({ answer: { items: [...(await sim.clusters())] } })),
    bind(routes.sim.fault, async ({ params, body }) => ({
      answer: doneOr(await sim.fault(params.name, params.fault, given(body))),
    })),
  ];
}

function labelsOf(text: string): { [label: string]: string } {
  const pairs = text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
