import type { Binding } from '../http/binding.ts';
import { createLive } from '../http/live.ts';
import type { Services } from '../services.ts';
import type { Tokens } from '../tokens.ts';
import { clusterRoutes, joinTokenRoutes } from './clusters.ts';
import { fleetRoutes, simRoutes } from './fleet.ts';
import { insightRoutes } from './insight.ts';
import { journalRoutes } from './journal.ts';
import { stackRoutes } from './stacks.ts';
import { tokenRoutes } from './tokens.ts';
import { transactionRoutes } from './transactions.ts';

/** Everything that this hub serves under /api/v1. */
export function allBindings(services: Services, tokens: Tokens): Binding[] {
  const live = createLive(services.clock);
  return [
    ...stackRoutes(services),
    ...insightRoutes(services),
    ...transactionRoutes(services, live),
    ...clusterRoutes(services),
    ...joinTokenRoutes(services),
    ...fleetRoutes(services),
    ...journalRoutes(services, live),
    ...tokenRoutes(tokens),
    ...(services.sim === undefined ? [] : simRoutes(services.sim)),
  ];
}
