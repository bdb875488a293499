/** The hub's own certificate, made anew long before it runs out: a hub may run for years, and agents believe no expired one. */
import { X509Certificate } from 'node:crypto';
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

/** It is good for 90 days, and made anew when no more than this is left. */
const LEFT_MS_MIN = 70 * 24 * 3_600_000;
/** No timer is set for the day: the machine's clock may be set, as where it boots without the time, or the machine sleep. */
const LOOK_MS = 10 * 60_000;

export function createServerCertificates(
  authority: Pick<Authority, 'issueServer' | 'caPem'>,
  hosts: readonly string[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): ServerCertificates {
  const listeners: ((fresh: ServerCertificate) => void)[] = [];
  let cancel: Cancel = () => {};
  let newest: X509Certificate | undefined;
  let renewing = false;
  const issue = async (): Promise<ServerCertificate> => {
    const { key, certificate } = await authority.issueServer(hosts);
    newest = new X509Certificate(certificate);
    return { key, cert: `${certificate}\n${authority.caPem}`, ca: authority.caPem };
  };
  const isDue = (): boolean => {
    if (newest === undefined) return false;
    const nowMs = clock.now();
    return nowMs < Date.parse(newest.validFrom) || nowMs >= Date.parse(newest.validTo) - LEFT_MS_MIN;
  };
  const wait = (): void => {
    cancel = clock.after(LOOK_MS, () => {
      wait();
      if (!renewing && isDue()) void renew();
    });
  };
  async function renew(): Promise<void> {
    renewing = true;
    try {
      const fresh = await issue();
      for (const listener of listeners) listener(fresh);
    } catch (error) {
      logger.error({ error: errorText(error) }, "the hub's certificate could not be made anew; it is tried again");
    } finally {
      renewing = false;
    }
  }
  return {
    issue,
    onFresh: (listener) => void listeners.push(listener),
    start: wait,
    stop: () => cancel(),
  };
}
