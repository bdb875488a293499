import { z } from 'zod';
import type { AvailabilityStatus } from '../../availability/types.ts';
import { name, page, paging } from './basics.ts';
import { route } from './route.ts';
import { functionView, whatIfView } from './stack-views.ts';

/** Shown as availability says it; its shape is that room's. */
const availabilityStatus = z.custom<AvailabilityStatus>((value) => typeof value === 'object' && value !== null);

export const functions = {
  list: route({
    id: 'functions.list',
    method: 'GET',
    path: '/api/v1/functions',
    summary: 'Where each function is served now.',
    role: 'viewer',
    query: z.strictObject({ ...paging, project: name.optional(), stack: name.optional() }),
    answer: page(functionView),
  }),
};

export const fleet = {
  whatIf: route({
    id: 'fleet.whatIf',
    method: 'GET',
    path: '/api/v1/whatif',
    summary: 'What would be left, and where it would go, if the clusters with these labels were lost.',
    role: 'viewer',
    query: z.strictObject({
      lose: z
        .string()
        .max(500)
        .regex(/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/, 'must be KEY=VALUE, several separated by commas')
        .describe('KEY=VALUE[,KEY=VALUE]; cluster=NAME for one cluster'),
    }),
    answer: whatIfView,
  }),
  availability: route({
    id: 'fleet.availability',
    method: 'GET',
    path: '/api/v1/availability',
    summary: 'The brakes with their counts, the budget of moves and the cooldowns.',
    role: 'viewer',
    answer: availabilityStatus,
  }),
};
