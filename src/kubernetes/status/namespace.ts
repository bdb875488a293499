import { conditionText, isTrue, part, type StatusRule, status, text } from './read.ts';

const HOLDING = ['NamespaceDeletionContentFailure', 'NamespaceContentRemaining', 'NamespaceFinalizersRemaining'];

export const namespace: StatusRule = (object) => {
  const phase = text(part(object, 'status'), 'phase') ?? 'Active';
  if (phase === 'Active') return status('current', 'active');
  const holds = HOLDING.map((type) => isTrue(object, type)).find((one) => one !== undefined);
  return status('terminating', holds === undefined ? `phase ${phase}` : conditionText(holds));
};
