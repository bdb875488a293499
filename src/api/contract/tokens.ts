import { z } from 'zod';
import { name, page, paging, time } from './basics.ts';
import { type Role, roles, route } from './route.ts';

/** A bearer token as it is shown: never its text. */
export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
}
const token: z.ZodType<TokenView> = z.object({
  id: z.string(),
  name: z.string(),
  roles: z.array(z.enum(roles)),
  createdAt: time,
  expiresAt: time.nullable(),
});

export const tokens = {
  list: route({
    id: 'tokens.list',
    method: 'GET',
    path: '/api/v1/tokens',
    summary: 'Bearer tokens of this API; never their text.',
    role: 'admin',
    query: z.strictObject(paging),
    answer: page(token),
  }),
  create: route({
    id: 'tokens.create',
    method: 'POST',
    path: '/api/v1/tokens',
    summary: 'Makes a bearer token. Its text is answered once.',
    role: 'admin',
    body: z.strictObject({
      name,
      roles: z.array(z.enum(roles)).min(1),
      ttlMs: z.int().min(1_000).optional().describe('absent: until it is revoked'),
    }),
    answer: z.object({ token: z.string(), record: token }),
    status: 201,
    secretAnswer: true,
  }),
  revoke: route({
    id: 'tokens.revoke',
    method: 'DELETE',
    path: '/api/v1/tokens/{id}',
    summary: 'Makes a bearer token worthless at once.',
    role: 'admin',
    params: z.object({ id: z.string().min(1).max(100) }),
    answer: z.object({ revoked: z.string() }),
  }),
};
