import { skewCases } from '../skew-cases.ts';
import { skip } from './control-planes.ts';

skewCases('real ones of both minors', { real: 2 }, skip);
