import { undoPlantedCases } from '../undo-planted-cases.ts';
import { skip, startReal } from './control-planes.ts';

undoPlantedCases('a real API server', () => startReal('1.34', { extent: 'api' }), skip);
