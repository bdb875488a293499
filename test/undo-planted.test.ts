import { undoPlantedCases } from './undo-planted-cases.ts';

undoPlantedCases('an embedded API server', undefined, false);
