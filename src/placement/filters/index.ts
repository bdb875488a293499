import { api } from './api.ts';
import { capacity } from './capacity.ts';
import { cel } from './cel.ts';
import type { Filter } from './filter.ts';
import { health } from './health.ts';
import { intent } from './intent.ts';
import { labels } from './labels.ts';
import { residency } from './residency.ts';
import { taints } from './taints.ts';

/** In the order in which they speak: the first refusal is the reason that is told. What a person decided comes first, room last. */
export const filters: readonly Filter[] = [labels, cel, residency, intent, health, taints, api, capacity];
