/** Protobuf request bodies of the kinds that kubectl sends. */
import type { Json } from '../../base/index.ts';
import type { ResourceRegistry } from './resources.ts';
import { unsupportedMediaType } from './status.ts';

/** @throws ApiError 415 for what is not decoded here. */
export function decodeProtobuf(_registry: ResourceRegistry, _bytes: Buffer): Json {
  throw unsupportedMediaType(['application/json', 'application/yaml']);
}
