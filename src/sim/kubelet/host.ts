import type { Clock, Logger } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import type { Happening, Pod, PodStatus } from '../kinds/index.ts';
import type { Account } from './account.ts';
import type { PodAddresses } from './addresses.ts';
import type { EventWriter } from './event-writer.ts';
import type { Processes } from './processes.ts';
import type { RestartLimits } from './restarts.ts';

/** What the kubelet lends to each of its pods. */
export interface Host {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventWriter;
  readonly addresses: PodAddresses;
  readonly processes: Processes;
  readonly account: Account | undefined;
  readonly restartLimits: RestartLimits;
  readonly hostIp: string;
  readonly logsDir: string;
  /** Where pods' volumes and working folders are; the containers' account reaches it. */
  readonly podsDir: string;
  readonly env: { readonly [name: string]: string };
  readonly shownAddress: (address: string) => string;
  readonly claimFolder: ((volumeName: string) => string) | undefined;
  record(pod: Pod, happening: Omit<Happening, 'about'>, container?: string): void;
  /** `again`: no answer or a refusal that may pass; `gone`: there is no such pod any more. */
  writeStatus(pod: Pod, status: PodStatus): Promise<'written' | 'again' | 'gone'>;
}
