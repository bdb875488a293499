import type { Cases } from '../suite.ts';
import { admission, fields } from './admission.ts';
import { apply } from './apply.ts';
import { crds } from './crds.ts';
import { deletions } from './deletions.ts';
import { expiry } from './expiry.ts';
import { http } from './http.ts';
import { certificates, rights, tokens } from './identities.ts';
import { events, evictions, leases, workloads } from './kinds.ts';
import { lists } from './lists.ts';
import { namespaces } from './namespaces.ts';
import { patches } from './patches.ts';
import { watches } from './watches.ts';
import { webhooks } from './webhooks.ts';
import { writes } from './writes.ts';

/** Every area of what the agent relies on. */
export const CASES: { readonly [area: string]: Cases } = {
  apply,
  writes,
  patches,
  lists,
  watches,
  deletions,
  namespaces,
  crds,
  admission,
  fields,
  webhooks,
  tokens,
  rights,
  certificates,
  leases,
  evictions,
  events,
  workloads,
  http,
};

/** Cases that change what the whole server remembers: each runs alone, after the others. */
export const ALONE: { readonly [area: string]: Cases } = { expiry };
