/** The cluster's own certificate authority, its server and client certificates, and the key of its service account tokens. */
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { stringify } from 'yaml';
import type { Clock, JsonObject, Random } from '../../base/index.ts';

export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Pki {
  readonly caPem: string;
  /** For the HTTPS listener: 127.0.0.1, localhost and the names inside a cluster. */
  readonly server: KeyPair;
  readonly admin: KeyPair;
  readonly tokenKey: KeyObject;
  readonly tokenPublicKey: KeyObject;
  /** Signs a request for a client certificate; PEM in, PEM out. Subject and key are the request's. */
  signClient(requestPem: string, seconds: number): Promise<string>;
  /** A further certificate of this authority, kept in the folder under `name`. `subject` such as `CN=front-proxy`. */
  issue(name: string, subject: string, usage: 'client' | 'server'): Promise<KeyPair>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEAR_MS = 365 * 24 * 3_600_000;
const BACKDATE_MS = 5 * 60_000;

/** Loads the material from `dir`, making what is not there; without a folder it lives in memory. */
export async function openPki(name: string, dir: string | undefined, clock: Clock, random: Random): Promise<Pki> {
  const files = dir === undefined ? new Map<string, string>() : readAll(dir);
  x509.cryptoProvider.set(webcrypto);
  const authority = await openAuthority(name, files, clock, random);
  const issue = (name: string, subject: string, usage: 'client' | 'server') =>
    pairOf(files, name, () => issuePair(authority, subject, usage === 'client', clock, random));
  const server = await issue('server', 'CN=kube-apiserver', 'server');
  const admin = await issue('admin', 'O=system:masters, CN=kubernetes-admin', 'client');
  const tokenKeyPem = files.get('sa.key') ?? newTokenKey();
  files.set('sa.key', tokenKeyPem);
  if (dir !== undefined) writeAll(dir, files);
  const tokenKey = createPrivateKey(tokenKeyPem);
  return {
    caPem: authority.pem,
    server,
    admin,
    tokenKey,
    tokenPublicKey: createPublicKey(tokenKey),
    signClient: (requestPem, seconds) => signClient(authority, requestPem, seconds, clock, random),
    async issue(pair, subject, usage) {
      const issued = await issue(pair, subject, usage);
      if (dir !== undefined) writeAll(dir, files);
      return issued;
    },
  };
}

function newTokenKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

interface Authority {
  readonly pem: string;
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

function readAll(dir: string): Map<string, string> {
  const present = existsSync(dir) ? readdirSync(dir).filter((file) => /\.(crt|key)$/.test(file)) : [];
  return new Map(present.map((file) => [file, readFileSync(join(dir, file), 'utf8')]));
}

function writeAll(dir: string, files: ReadonlyMap<string, string>): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const [file, text] of files) {
    if (existsSync(join(dir, file))) continue;
    writeFileSync(join(dir, file), text, { mode: 0o600 });
    chmodSync(join(dir, file), 0o600);
  }
}

async function openAuthority(
  name: string,
  files: Map<string, string>,
  clock: Clock,
  random: Random,
): Promise<Authority> {
  const certificatePem = files.get('ca.crt');
  const keyPem = files.get('ca.key');
  if (certificatePem !== undefined && keyPem !== undefined) {
    return { pem: certificatePem, certificate: new x509.X509Certificate(certificatePem), key: await importKey(keyPem) };
  }
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(random),
    name: `CN=${name}-ca`,
    notBefore: new Date(clock.now() - BACKDATE_MS),
    notAfter: new Date(clock.now() + 10 * YEAR_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = `${certificate.toString('pem')}\n`;
  files.set('ca.crt', pem);
  files.set('ca.key', await exportKey(keys.privateKey));
  return { pem, certificate, key: keys.privateKey };
}

async function pairOf(files: Map<string, string>, name: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const certPem = files.get(`${name}.crt`);
  const keyPem = files.get(`${name}.key`);
  if (certPem !== undefined && keyPem !== undefined) return { certPem, keyPem };
  const made = await make();
  files.set(`${name}.crt`, made.certPem);
  files.set(`${name}.key`, made.keyPem);
  return made;
}

async function issuePair(
  authority: Authority,
  subject: string,
  client: boolean,
  clock: Clock,
  random: Random,
): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const names: x509.JsonGeneralNames = [
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: '10.0.0.1' }, // what a cluster gives its Service `kubernetes`
    { type: 'dns', value: 'localhost' },
    { type: 'dns', value: 'kubernetes' },
    { type: 'dns', value: 'kubernetes.default' },
    { type: 'dns', value: 'kubernetes.default.svc' },
  ];
  const extensions = client ? [] : [new x509.SubjectAlternativeNameExtension(names)];
  const certificate = await sign(authority, subject, keys.publicKey, client, 10 * YEAR_MS, extensions, clock, random);
  return { certPem: certificate, keyPem: await exportKey(keys.privateKey) };
}

async function signClient(
  authority: Authority,
  requestPem: string,
  seconds: number,
  clock: Clock,
  random: Random,
): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(requestPem);
  const key = await request.publicKey.export();
  return sign(authority, request.subject, key, true, seconds * 1000, [], clock, random);
}

async function sign(
  authority: Authority,
  subject: string,
  publicKey: webcrypto.CryptoKey,
  client: boolean,
  lifetimeMs: number,
  extensions: readonly x509.Extension[],
  clock: Clock,
  random: Random,
): Promise<string> {
  const usage = client ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(random),
    subject,
    issuer: authority.certificate.subject,
    notBefore: new Date(clock.now() - BACKDATE_MS),
    notAfter: new Date(clock.now() + lifetimeMs),
    signingAlgorithm: ALGORITHM,
    signingKey: authority.key,
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      ...extensions,
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function serial(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40; // positive, and never shortened
  return bytes.toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), ALGORITHM, true, ['sign']);
}

/** Subject attributes of a certificate request: its common name and organizations. */
export function requestSubject(requestPem: string): {
  readonly commonName: string;
  readonly organizations: readonly string[];
} {
  const { subjectName } = new x509.Pkcs10CertificateRequest(requestPem);
  return { commonName: subjectName.getField('CN')[0] ?? '', organizations: subjectName.getField('O') };
}

/** The administrator's kubeconfig for this authority's server at an address, as an object and as YAML text. */
export function adminKubeconfig(
  name: string,
  url: string,
  pki: Pick<Pki, 'caPem' | 'admin'>,
): { readonly object: JsonObject; readonly yaml: string } {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const object = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': base64(pki.caPem) } }],
    users: [
      {
        name: `${name}-admin`,
        user: { 'client-certificate-data': base64(pki.admin.certPem), 'client-key-data': base64(pki.admin.keyPem) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: `${name}-admin` } }],
  };
  return { object, yaml: stringify(object) };
}
