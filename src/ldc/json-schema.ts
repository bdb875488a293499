import { z } from 'zod';
import type { JsonObject } from '../base/index.ts';
import { stackSchema } from './schema/stack.ts';

let made: JsonObject | undefined;

/** The published JSON Schema (2020-12) of what people write, with defaults and descriptions; `ldc schema` prints it. */
export function stackJsonSchema(): JsonObject {
  made ??= {
    ...(z.toJSONSchema(stackSchema, { io: 'input', reused: 'inline' }) as JsonObject),
    title: 'ldc stack',
    description: 'A stack: functions and databases, where they run, and how a change goes over the clusters.',
  };
  return made;
}
