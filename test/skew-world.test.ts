import { skewCases } from './skew-cases.ts';

skewCases('embedded', {});
