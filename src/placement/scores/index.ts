import { affinity } from './affinity.ts';
import { balance } from './balance.ts';
import { cost } from './cost.ts';
import { headroom } from './headroom.ts';
import type { Score } from './score.ts';
import { steady } from './steady.ts';

export const scores: readonly Score[] = [balance, steady, headroom, affinity, cost];
