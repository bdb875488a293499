/** Secret values at rest: a data key, wrapped by the master key, encrypts each value and makes the key that cuts. */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { errorText, type Random, type SecretStore, type SecretValues, StoreError } from '../base/index.ts';
import type { Sequencer } from './sequencer.ts';
import type { MasterKey, Tables } from './types.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const GIVE_KEY =
  'Put the master.key of its former folder beside hub.db (mode 0600), or give it as LDC_MASTER_KEY_FILE, LDC_MASTER_KEY or LDC_MASTER_KEY_COMMAND';

/**
 * Opens the state's data key, or makes one for a new state.
 * @throws StoreError `key` when the master key is missing, or is another state's.
 */
export function openVault(
  tables: Tables,
  options: { readonly masterKey: MasterKey; readonly random: Random },
  submit: Sequencer['submit'],
): SecretStore {
  const dataKey = openDataKey(tables, options);
  return {
    cutKey: new Uint8Array(hkdfSync('sha256', dataKey, '', 'ldc cut key v1', KEY_BYTES)),
    async put(values) {
      if (values.size === 0) return;
      await submit(() => {
        for (const [reference, value] of values) {
          // the same reference is the same value: writing it again would only change the nonce
          if (tables.secret(reference) !== undefined) continue;
          tables.putSecret(reference, seal(dataKey, Buffer.from(value), reference, options.random));
        }
      });
    },
    get(references): SecretValues {
      const found = new Map<string, string>();
      for (const reference of references) {
        const sealed = tables.secret(reference);
        if (sealed !== undefined) found.set(reference, Buffer.from(open(dataKey, sealed, reference)).toString());
      }
      return found;
    },
  };
}

function openDataKey(
  tables: Tables,
  { masterKey, random }: { readonly masterKey: MasterKey; readonly random: Random },
): Uint8Array {
  const wrapped = tables.meta('dataKey');
  if (wrapped === undefined) {
    const master = checked(masterKey.load() ?? masterKey.create());
    const dataKey = random.bytes(KEY_BYTES);
    const sealed = Buffer.from(seal(master, dataKey, 'data key', random)).toString('base64');
    tables.transaction(() => tables.setMeta('dataKey', sealed));
    return dataKey;
  }
  const master = masterKey.load();
  if (master === undefined) {
    throw new StoreError('key', `the master key of this state is missing. ${GIVE_KEY}`);
  }
  try {
    return open(checked(master), Buffer.from(wrapped, 'base64'), 'data key');
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError('key', `the master key is not the one of this state (${errorText(error)})`);
  }
}

function checked(master: Uint8Array): Uint8Array {
  if (master.length !== KEY_BYTES) {
    throw new StoreError('key', `the master key has ${master.length} bytes; it must have ${KEY_BYTES}`);
  }
  return master;
}

/** nonce ‖ tag ‖ ciphertext; `context` is authenticated, so that a value cannot be moved to another reference. */
function seal(key: Uint8Array, plain: Uint8Array, context: string, random: Random): Uint8Array {
  const iv = random.bytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), data]);
}

function open(key: Uint8Array, sealed: Uint8Array, context: string): Uint8Array {
  const iv = sealed.subarray(0, IV_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
}
