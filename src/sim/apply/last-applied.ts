/** The annotation of kubectl's client-side apply, kept in step when kubectl goes over to server-side apply. */
import { canonical, isObject, type Json, type KubeObject } from '../../base/index.ts';
import { goJson } from './path.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** The server's limit on all annotations of an object, in bytes: beyond it the annotation is emptied. */
const ANNOTATION_BYTES_MAX = 256 * 1024;

/** The configuration that was applied last from the client side, if it is of this version. */
export function lastAppliedOf(live: KubeObject, apiVersion: string): Json | undefined {
  const text = live.metadata.annotations?.[ANNOTATION];
  if (text === undefined || text === '') return undefined;
  try {
    const config = JSON.parse(text) as Json;
    return isObject(config) && config.apiVersion === apiVersion ? config : undefined;
  } catch {
    return undefined;
  }
}

/** Keys sorted, as the server encodes an object. */
function encoded(applied: KubeObject): string {
  const { annotations, ...metadata } = applied.metadata ?? {};
  const rest = Object.entries(annotations ?? {}).filter(([name]) => name !== ANNOTATION);
  const kept = rest.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(rest) };
  return `${goJson(JSON.parse(canonical({ ...applied, metadata: kept })) as Json)}\n`;
}

/** The object with the annotation brought up to date, if it has one. */
export function withLastApplied(object: KubeObject, applied: KubeObject): KubeObject {
  const annotations = object.metadata.annotations;
  const present = annotations?.[ANNOTATION];
  if (present === undefined || present === '') return object;
  const text = encoded(applied);
  const value = Buffer.byteLength(text) > ANNOTATION_BYTES_MAX ? '' : text;
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [ANNOTATION]: value } } };
}
