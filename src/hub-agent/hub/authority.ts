/** The hub's own certificate authority in its state folder; its key never leaves it. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../../base/index.ts';
import {
  certificateDigest,
  createAuthority,
  type Issued,
  issueAgent,
  issueServer,
  type KeyAndCertificate,
} from '../certificates.ts';

export interface Authority {
  readonly caPem: string;
  /** SHA-256 (hex) of the CA's certificate: what a join token carries. */
  readonly caDigest: string;
  issueServer(hosts: readonly string[]): Promise<KeyAndCertificate>;
  issueAgent(request: string, cluster: string): Promise<Issued>;
}

/** Agents renew when a third of it is left. */
const AGENT_CERTIFICATE_MS = 30 * 24 * 3_600_000;

/** Reads `dir/ca.crt` and `dir/ca.key` (mode 0600), or makes them at the first start. */
export async function openAuthority(dir: string, name: string, clock: Clock, random: Random): Promise<Authority> {
  const own = read(dir) ?? write(dir, await createAuthority(`ldc ${name}`, clock.now(), random));
  return {
    caPem: own.certificate,
    caDigest: certificateDigest(own.certificate),
    issueServer: (hosts) => issueServer(own, hosts, clock.now(), random),
    issueAgent: (request, cluster) => issueAgent(own, request, cluster, AGENT_CERTIFICATE_MS, clock.now(), random),
  };
}

function read(dir: string): KeyAndCertificate | undefined {
  const key = join(dir, 'ca.key');
  const certificate = join(dir, 'ca.crt');
  if (!existsSync(key) || !existsSync(certificate)) return undefined;
  chmodSync(key, 0o600);
  return { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') };
}

/** The certificate last: a crash in between leaves no authority rather than half of one. */
function write(dir: string, own: KeyAndCertificate): KeyAndCertificate {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const [file, text, mode] of [
    ['ca.key', own.key, 0o600],
    ['ca.crt', own.certificate, 0o644],
  ] as const) {
    const next = join(dir, `${file}.new`);
    writeFileSync(next, text, { mode });
    renameSync(next, join(dir, file));
  }
  return own;
}
