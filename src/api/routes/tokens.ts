import { PAGE_ITEMS, routes } from '../contract/index.ts';
import { type Binding, bind } from '../http/binding.ts';
import { notFound } from '../http/problem.ts';
import type { Tokens } from '../tokens.ts';

export function tokenRoutes(tokens: Tokens): Binding[] {
  const R = routes.tokens;
  return [
    bind(R.list, ({ query }) => {
      const limit = query.limit ?? PAGE_ITEMS;
      const found = tokens.list(query.after, limit + 1);
      const items = found.slice(0, limit);
      return { answer: { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null } };
    }),
    bind(R.create, async ({ body }) => ({ answer: await tokens.issue(body) })),
    bind(R.revoke, async ({ params }) => {
      if (!(await tokens.revoke(params.id))) throw notFound(`token ${params.id}`, 'GET /api/v1/tokens lists all');
      return { answer: { revoked: params.id } };
    }),
  ];
}
