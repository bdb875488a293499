/** The only place where a step may change its status; the same table guards live writes and recovery. */
import type { StepStatus } from './types.ts';

export type StepEventType =
  | 'step.started'
  | 'step.succeeded'
  | 'step.failed'
  | 'step.undoStarted'
  | 'step.undone'
  | 'step.undoFailed'
  | 'step.skipped'
  | 'step.dropped'
  | 'step.owed'
  | 'step.reset';

/** `step.dropped` and `step.reset` are no entries of their own: tx.amended and tx.resumed/tx.retried imply them. */
const TABLE: { readonly [S in StepStatus]: { readonly [E in StepEventType]?: StepStatus } } = {
  pending: { 'step.started': 'started', 'step.skipped': 'skipped', 'step.dropped': 'dropped', 'step.owed': 'owed' },
  started: {
    'step.succeeded': 'succeeded',
    'step.failed': 'failed',
    'step.skipped': 'skipped',
    'step.undoStarted': 'undoStarted', // its outcome is unknown, so it counts as begun
    'step.dropped': 'dropped',
    'step.owed': 'owed',
  },
  succeeded: { 'step.undoStarted': 'undoStarted', 'step.dropped': 'dropped', 'step.owed': 'owed' },
  failed: {
    'step.started': 'started', // forward only, or a person's retry
    'step.reset': 'pending',
    'step.undoStarted': 'undoStarted',
    'step.skipped': 'skipped',
    'step.dropped': 'dropped',
    'step.owed': 'owed',
  },
  undoStarted: { 'step.undone': 'undone', 'step.undoFailed': 'undoFailed', 'step.owed': 'owed' },
  undoFailed: { 'step.undoStarted': 'undoStarted', 'step.skipped': 'skipped', 'step.owed': 'owed' },
  undone: {},
  skipped: {},
  dropped: {},
  owed: {},
};

/** The next status, or undefined when the event is illegal in this one. */
export function nextStepStatus(status: StepStatus, event: StepEventType): StepStatus | undefined {
  return TABLE[status][event];
}

/** Whether steps after this one may start: it has done its work, or never will. */
export function letsOthersStart(status: StepStatus): boolean {
  return status === 'succeeded' || status === 'dropped' || status === 'owed' || status === 'skipped';
}
