/** Encrypts to one receiver (sealedSchema): ECDH P-256 with a fresh key, HKDF-SHA-256, AES-256-GCM. */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import type { Random } from '../base/index.ts';
import type { Sealed } from './messages.ts';

/** A receiver: its public half is what the other end seals to. */
export interface SealKey {
  /** P-256 public key, SPKI, base64. */
  readonly publicKey: string;
  /** @throws Error when it was sealed to another key or changed on the way. */
  open(sealed: Sealed): Uint8Array;
}

const TAG_BYTES = 16;

/** A new receiver that lives as long as the process (the agent seals and opens only on a line that lives shorter). */
export function createSealKey(): SealKey {
  return sealKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** A receiver with a key that was kept: PKCS #8, PEM. */
export function sealKeyFromPem(pem: string): SealKey {
  return sealKeyOf(createPrivateKey(pem));
}

function sealKeyOf(privateKey: KeyObject): SealKey {
  const own = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    publicKey: own.toString('base64'),
    open(sealed) {
      const sender = Buffer.from(sealed.key, 'base64');
      const data = Buffer.from(sealed.data, 'base64');
      // a shorter one would be checked against fewer bits of the tag
      if (data.length < TAG_BYTES) throw new Error('sealed data is cut off');
      const key = derive(privateKey, spki(sender), sender, own);
      const iv = Buffer.from(sealed.iv, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
      return Buffer.concat([decipher.update(data.subarray(0, data.length - TAG_BYTES)), decipher.final()]);
    },
  };
}

/** Encrypts to the holder of that public key (SPKI, base64). */
export function seal(receiver: string, plain: Uint8Array, random: Random): Sealed {
  const to = Buffer.from(receiver, 'base64');
  const fresh = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const sender = fresh.publicKey.export({ type: 'spki', format: 'der' });
  const iv = Buffer.from(random.bytes(12));
  const cipher = createCipheriv('aes-256-gcm', derive(fresh.privateKey, spki(to), sender, to), iv);
  const data = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { v: 1, key: sender.toString('base64'), iv: iv.toString('base64'), data: data.toString('base64') };
}

/** Seals a JSON value. */
export function sealJson(receiver: string, value: unknown, random: Random): Sealed {
  return seal(receiver, Buffer.from(JSON.stringify(value)), random);
}

/** Both public keys go into the derivation, so that a sealed value cannot be handed on under another sender's key. */
function derive(own: KeyObject, other: KeyObject, sender: Uint8Array, receiver: Uint8Array): Uint8Array {
  const shared = diffieHellman({ privateKey: own, publicKey: other });
  return new Uint8Array(hkdfSync('sha256', shared, Buffer.concat([sender, receiver]), 'ldc seal v1', 32));
}

function spki(der: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(der), type: 'spki', format: 'der' });
}
