/** The X.509 of hub and agents: P-256 throughout. The only importer of @peculiar/x509 in this room. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type Random, sha256Hex } from '../base/index.ts';
import { HUB_SERVER_NAME } from './hub-identity.ts';

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3_600_000;
/** Clocks differ: a certificate is good from a little before it was made. */
/** A clock may be ten minutes off at either end; well above that. */
const SKEW_MS = 60 * 60_000;

export interface KeyAndCertificate {
  /** PKCS #8, PEM. */
  readonly key: string;
  readonly certificate: string;
}

export interface Issued {
  readonly certificate: string;
  readonly serial: string;
  /** Unix milliseconds. */
  readonly notAfterMs: number;
}

/** A new certificate authority, good for ten years. */
export async function createAuthority(name: string, nowMs: number, random: Random): Promise<KeyAndCertificate> {
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(random),
    name: `CN=${name}`,
    notBefore: new Date(nowMs - SKEW_MS),
    notAfter: new Date(nowMs + 3650 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { key: await pem(keys.privateKey), certificate: certificate.toString('pem') };
}

/** The hub's own certificate: for HUB_SERVER_NAME and the addresses it is told of. */
export async function issueServer(
  authority: KeyAndCertificate,
  hosts: readonly string[],
  nowMs: number,
  random: Random,
): Promise<KeyAndCertificate> {
  const keys = await generate();
  const names = [HUB_SERVER_NAME, ...hosts].map(
    (host) => ({ type: /^[\d.]+$|:/.test(host) ? 'ip' : 'dns', value: host }) as const,
  );
  const issued = await issue(authority, {
    subject: `CN=${HUB_SERVER_NAME}`,
    publicKey: keys.publicKey,
    usage: x509.ExtendedKeyUsage.serverAuth,
    nowMs,
    ttlMs: 90 * DAY_MS,
    random,
    extensions: [new x509.SubjectAlternativeNameExtension([...names])],
  });
  return { key: await pem(keys.privateKey), certificate: issued.certificate };
}

/**
 * An agent's certificate. Of the request only the key is taken: the name is the hub's to give.
 * @throws Error when the request is not signed by its own key.
 */
export async function issueAgent(
  authority: KeyAndCertificate,
  request: string,
  cluster: string,
  ttlMs: number,
  nowMs: number,
  random: Random,
): Promise<Issued> {
  const csr = new x509.Pkcs10CertificateRequest(request);
  if (!(await csr.verify())) throw new Error('the certificate request is not signed by its own key');
  return issue(authority, {
    subject: `CN=${cluster}, O=ldc:agents`,
    publicKey: csr.publicKey,
    usage: x509.ExtendedKeyUsage.clientAuth,
    nowMs,
    ttlMs,
    random,
    extensions: [],
  });
}

/** An agent's new key and the request to certify it. */
export async function createRequest(cluster: string): Promise<{ readonly key: string; readonly request: string }> {
  const keys = await generate();
  return { key: await pem(keys.privateKey), request: await requestOf(keys, cluster) };
}

/** The request again, for a key that was kept. */
export async function requestFor(keyPem: string, cluster: string): Promise<string> {
  const der = x509.PemConverter.decodeFirst(keyPem);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const { d: _secret, key_ops: _ops, ...jwk } = await webcrypto.subtle.exportKey('jwk', privateKey);
  const publicKey = await webcrypto.subtle.importKey('jwk', jwk, ALGORITHM, true, ['verify']);
  return requestOf({ privateKey, publicKey }, cluster);
}

/** SHA-256 (hex) of a request's public key (SPKI): what a token's use and a cluster's identity are bound to. */
export function publicKeyOfRequest(request: string): string {
  return sha256Hex(new Uint8Array(new x509.Pkcs10CertificateRequest(request).publicKey.rawData));
}

interface ToIssue {
  readonly subject: string;
  readonly publicKey: x509.PublicKeyType;
  readonly usage: string;
  readonly nowMs: number;
  readonly ttlMs: number;
  readonly random: Random;
  readonly extensions: readonly x509.Extension[];
}

async function issue(authority: KeyAndCertificate, what: ToIssue): Promise<Issued> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const der = x509.PemConverter.decodeFirst(authority.key);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  const notAfterMs = Math.floor((what.nowMs + what.ttlMs) / 1000) * 1000;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(what.random),
    subject: what.subject,
    issuer: issuer.subject,
    notBefore: new Date(what.nowMs - SKEW_MS),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: ALGORITHM,
    publicKey: what.publicKey,
    signingKey: signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([what.usage]),
      ...what.extensions,
    ],
  });
  return { certificate: certificate.toString('pem'), serial: certificate.serialNumber, notAfterMs };
}

async function requestOf(keys: { privateKey: unknown; publicKey: unknown }, cluster: string): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${cluster}`,
    keys: keys as webcrypto.CryptoKeyPair,
    signingAlgorithm: ALGORITHM,
  });
  return request.toString('pem');
}

function generate(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]) as unknown as Promise<webcrypto.CryptoKeyPair>;
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** 16 random bytes, positive. */
function serial(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
