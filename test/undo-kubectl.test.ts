import { undoKubectlCases } from './undo-kubectl-cases.ts';

undoKubectlCases('embedded clusters', { clusters: 2 }, 5, false);
