import type { Clock, Logger, Random } from '../../base/index.ts';
import type { ApiDoor } from '../types.ts';
import { startClaimProtection } from './claim-protection.ts';
import { startClaims } from './claims.ts';
import type { Context } from './controller.ts';
import { startCronJobs } from './cronjob.ts';
import { startDaemonSets } from './daemonset.ts';
import { startDeployments } from './deployment.ts';
import { startDisruptionBudgets } from './disruption.ts';
import { startEndpoints } from './endpoints.ts';
import { Informers } from './informer.ts';
import { startJobs } from './job.ts';
import { EventRecorder } from './recorder.ts';
import { startReplicaSets } from './replicaset.ts';
import { startScheduler } from './scheduler.ts';
import { startStatefulSets } from './statefulset.ts';

export interface ControllerOptions {
  readonly door: ApiDoor;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Folder under which each bound claim gets a folder. */
  readonly volumesDir?: string;
}

const STARTERS = [
  startReplicaSets,
  startDeployments,
  startStatefulSets,
  startDaemonSets,
  startJobs,
  startCronJobs,
  startClaims,
  startClaimProtection,
  startDisruptionBudgets,
  startEndpoints,
  startScheduler,
];

/** Starts everything that brings the objects of one cluster to life, short of running containers. No timer runs while nothing changes. */
export function startControllers(options: ControllerOptions): { close(): void } {
  const informers = new Informers(options.door);
  const recorder = new EventRecorder(options.door, options.clock);
  const context: Context = { ...options, informers, recorder };
  const queues = STARTERS.map((start) => start(context));
  return {
    close() {
      informers.close();
      for (const queue of queues) queue.close();
    },
  };
}
