/** The hub's own certificate, made anew long before it runs out: a hub may run for years, and agents believe no expired one. */
import { type Cancel, type Clock, errorText, type Logger } from '../../base/index.ts';
import type { Authority } from './authority.ts';

/** PEM, as `tls.createSecureContext` takes them; the CA goes along: a joining agent compares it with its token. */
export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

export interface ServerCertificates {
  issue(): Promise<ServerCertificate>;
  /** Called with each new one, for connections that come after it. */
  onFresh(listener: (fresh: ServerCertificate) => void): void;
  start(): void;
  stop(): void;
}

/** It is good for 90 days; below 24.8 days, which is the longest that a timer waits. */
const RENEW_MS = 20 * 24 * 3_600_000;
const RETRY_MS = 3_600_000;

export function createServerCertificates(
  authority: Pick<Authority, 'issueServer' | 'caPem'>,
  hosts: readonly string[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): ServerCertificates {
  const listeners: ((fresh: ServerCertificate) => void)[] = [];
  let cancel: Cancel = () => {};
  const issue = async (): Promise<ServerCertificate> => {
    const { key, certificate } = await authority.issueServer(hosts);
    return { key, cert: `${certificate}\n${authority.caPem}`, ca: authority.caPem };
  };
  const wait = (forMs: number): void => {
    cancel = clock.after(forMs, () => void renew());
  };
  async function renew(): Promise<void> {
    wait(RENEW_MS);
    try {
      const fresh = await issue();
      for (const listener of listeners) listener(fresh);
    } catch (error) {
      logger.error({ error: errorText(error) }, "the hub's certificate could not be made anew; it is tried again");
      cancel();
      wait(RETRY_MS);
    }
  }
  return {
    issue,
    onFresh: (listener) => void listeners.push(listener),
    start: () => wait(RENEW_MS),
    stop: () => cancel(),
  };
}
