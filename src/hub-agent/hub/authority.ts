/**
 * The hub's own certificate authority: files in its state folder, and a copy among the encrypted values of its store, so
 * that a backup holds it. Agents trust this authority alone: a restored hub without it could not serve one of them.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, keyedDigest, type Random, type Store, StoreError } from '../../base/index.ts';
import { createAuthority, type Issued, issueAgent, issueServer, type KeyAndCertificate } from '../certificates.ts';
import { certificateDigest } from '../hub-identity.ts';
import { CLUSTERS } from './entries.ts';

export interface Authority {
  readonly caPem: string;
  /** SHA-256 (hex) of the CA's certificate: what a join token carries. */
  readonly caDigest: string;
  issueServer(hosts: readonly string[]): Promise<KeyAndCertificate>;
  issueAgent(request: string, cluster: string): Promise<Issued>;
}

export interface AuthorityOptions {
  readonly dir: string;
  readonly hubName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Pick<Store, 'documents' | 'secrets'>;
}

/** Agents renew when a third of it is left. */
const AGENT_CERTIFICATE_MS = 30 * 24 * 3_600_000;
/** Collection of one record, key `ca`: which encrypted value holds the authority. */
const AUTHORITY = 'authority';

/**
 * Reads `dir/ca.crt` and `dir/ca.key` (mode 0600); puts them back from the store after a restore; makes them at the first start.
 * @throws StoreError `key` when the files are another hub's, or are gone while clusters trust them
 */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { dir, clock, random } = options;
  const own = await settle(options);
  return {
    caPem: own.certificate,
    caDigest: certificateDigest(own.certificate),
    issueServer: (hosts) => issueServer(own, hosts, clock.now(), random),
    issueAgent: (request, cluster) => issueAgent(own, request, cluster, AGENT_CERTIFICATE_MS, clock.now(), random),
  };

  async function settle({ hubName, store }: AuthorityOptions): Promise<KeyAndCertificate> {
    const inFiles = read(dir);
    const kept = recall(store);
    if (inFiles !== undefined && kept !== undefined && inFiles.certificate !== kept.certificate)
      throw new StoreError('key', `${join(dir, 'ca.crt')} is not the CA of this hub. ${MOVE_AWAY}`);
    if (kept !== undefined) return inFiles ?? write(dir, kept);
    if (inFiles === undefined && store.documents.list(CLUSTERS, { limit: 1 }).length > 0)
      throw new StoreError('key', `the CA that the clusters of this hub trust is missing. ${COPY(dir)}`);
    const authority = inFiles ?? write(dir, await createAuthority(`ldc ${hubName}`, clock.now(), random));
    await keep(store, authority);
    return authority;
  }
}

const MOVE_AWAY = 'Move ca.crt and ca.key away: those of this hub come back by themselves at the next start';
const COPY = (dir: string) => `Copy ca.crt and ca.key of the former state folder into ${dir}`;

function recall({ documents, secrets }: AuthorityOptions['store']): KeyAndCertificate | undefined {
  const reference = documents.get(AUTHORITY, 'ca')?.body.reference;
  const text = typeof reference === 'string' ? secrets.get([reference]).get(reference) : undefined;
  return text === undefined ? undefined : (JSON.parse(text) as KeyAndCertificate);
}

/** The value first: a record never names what is not there. */
async function keep({ documents, secrets }: AuthorityOptions['store'], own: KeyAndCertificate): Promise<void> {
  const { key, certificate } = own;
  const text = JSON.stringify({ key, certificate });
  const reference = `ldc-ca:v1:${keyedDigest(secrets.cutKey, text)}`;
  await secrets.put(new Map([[reference, text]]));
  await documents.write([{ collection: AUTHORITY, key: 'ca', body: { reference } }]);
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
