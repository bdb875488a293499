import type { Json, Refusal } from '../../base/index.ts';
import type { CommandOutput } from '../../protocol/index.ts';
import type { Action } from './types.ts';

/** The proof of a settled undo: what stands there now is what stood there before, or a person has to look. */
export const settleVerify: Action<'settleVerify'> = {
  name: 'settleVerify',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, preImages, bundle }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'verify', locations: [{ location, preImages, bundle }] },
  }),
  undo: null,
  undoNeedsOutcome: false,
  judge: ({ location, transaction }, outcome) =>
    outcome.kind === 'done' && outcome.value.kind === 'verify' && !outcome.value.equal
      ? { kind: 'refused', refusal: notEqual(location.cluster, transaction, outcome.value) }
      : outcome,
};

function notEqual(
  cluster: string,
  transaction: string,
  { differences }: Extract<CommandOutput, { kind: 'verify' }>,
): Refusal {
  const open = differences.filter(({ explained }) => explained === undefined);
  return {
    kind: 'notEqual',
    message: `after the undo owed by ${transaction}, ${cluster} differs from before in ${open.length} place(s)`,
    where: cluster,
    hint: 'repair it there and retry, or accept it as it is: ldc tx skip --reason',
    details: open as unknown as Json,
  };
}
