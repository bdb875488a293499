import type { Scenario } from '../types.ts';
import { asking } from './asking.ts';
import { containers } from './containers.ts';
import { creating, firstDay } from './first-day.ts';
import { deleting, describing, rolling } from './living.ts';
import { nodes } from './nodes.ts';
import { reading, watching } from './reading.ts';
import { applying, changing, custom } from './writing.ts';

/** The longest first, so that they do not start last. */
export const SCENARIOS: readonly Scenario[] = [
  rolling,
  applying,
  firstDay,
  describing,
  deleting,
  changing,
  reading,
  asking,
  creating,
  custom,
  containers,
  watching,
  nodes,
];
