import { undoKubectlCases } from '../undo-kubectl-cases.ts';
import { skip } from './control-planes.ts';

undoKubectlCases('a real control plane', { clusters: 1, real: 1 }, 1, skip);
