/** Short forms for the steps of a script. */
import type { Json, JsonObject } from '../../src/base/index.ts';
import type { Step } from './types.ts';

type More = Partial<Omit<Step, 'name' | 'method' | 'path'>>;

export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

const patchHeaders = (type: string) => ({ 'Content-Type': `application/${type}` });

export const get = (name: string, path: string, more: More = {}): Step => ({ name, method: 'GET', path, ...more });
export const table = (name: string, path: string): Step => get(name, path, { headers: { Accept: TABLE } });
export const post = (name: string, path: string, body: Json, more: More = {}): Step => ({
  name,
  method: 'POST',
  path,
  body,
  ...more,
});
export const put = (
  name: string,
  path: string,
  kept: string,
  changes: readonly JsonObject[],
  more: More = {},
): Step => ({
  name,
  method: 'PUT',
  path,
  from: { kept, changes },
  ...more,
});
export const replace = (name: string, path: string, body: Json, more: More = {}): Step => ({
  name,
  method: 'PUT',
  path,
  body,
  ...more,
});
export const remove = (name: string, path: string, body?: Json): Step => ({
  name,
  method: 'DELETE',
  path,
  ...(body === undefined ? {} : { body }),
});
const patchStep =
  (type: string) =>
  (name: string, path: string, body: Json, more: More = {}): Step => ({
    name,
    method: 'PATCH',
    path,
    body,
    ...more,
    headers: { ...patchHeaders(type), ...more.headers },
  });
export const merge = patchStep('merge-patch+json');
export const strategic = patchStep('strategic-merge-patch+json');
export const jsonPatch = patchStep('json-patch+json');
export const applied = patchStep('apply-patch+yaml');
