/** Unfinished transactions as their chains leave them. One that does not replay is set aside; the others go on. */
import { errorText, type Json } from '../base/index.ts';
import { isRegistered } from './actions/index.ts';
import type { EnginePorts } from './ports.ts';
import { replay, type TransactionData } from './state.ts';

/** @throws Error naming what is missing when an action of an unfinished transaction is not registered: this ldc cannot go on with it */
export function recover(
  ports: Pick<EnginePorts, 'journal' | 'documents' | 'blobs' | 'logger'>,
): readonly TransactionData[] {
  const found: TransactionData[] = [];
  for (const { key } of ports.documents.list('unfinished')) {
    try {
      found.push(replay(ports.journal.chain(key), (digest) => ports.blobs.get(digest)));
    } catch (error) {
      ports.logger.error(
        { transaction: key, error: errorText(error) },
        'transaction set aside: its chain does not replay',
      );
    }
  }
  const unknown = found.flatMap(({ header, plan }) =>
    plan.steps.filter(({ work }) => !isRegistered(work.action)).map(({ work }) => `${work.action} (of ${header.id})`),
  );
  if (unknown.length > 0) {
    throw new Error(
      `this ldc does not know the actions ${[...new Set(unknown)].join(', ')}: start the ldc that planned them`,
    );
  }
  return found;
}

/** Reservations live in memory: those of unfinished transactions are made anew. */
export async function reserveAgain(
  data: TransactionData,
  ports: Pick<EnginePorts, 'replan' | 'logger'>,
): Promise<void> {
  for (const { step, status } of data.steps.values()) {
    if (step.work.action !== 'reserve' || status !== 'succeeded') continue;
    const { location, cpuMilli, memoryBytes, pods } = step.work;
    const need = { cpuMilli, memoryBytes, pods };
    const outcome = await ports.replan.reserve(`${data.header.id}/${step.id}`, location, need);
    if (outcome.kind === 'done') continue;
    const detail = outcome as unknown as Json;
    ports.logger.warn(
      { transaction: data.header.id, step: step.id, detail },
      'room that was reserved before the restart is gone',
    );
  }
}
