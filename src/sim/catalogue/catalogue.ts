import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

/** An image that runs as a real local process. */
export interface CatalogueImage {
  readonly image: string;
  /** The program file, without its ending, under `programs/`. */
  readonly program: string;
  /** Defaults under the container's own variables. */
  readonly env: { readonly [name: string]: string };
}

export type ImageLookup =
  | { readonly kind: 'catalogue'; readonly image: CatalogueImage }
  /** Under our own name, but there is no such image: pulling it fails. */
  | { readonly kind: 'missing' }
  /** Not ours: the pod is simulated. */
  | { readonly kind: 'foreign' };

const REGISTRY = 'ldc.dev/';

const IMAGES: {
  readonly [name: string]: { readonly program: string; readonly env?: { readonly [name: string]: string } };
} = {
  http: { program: 'http' },
  slow: { program: 'http', env: { READY_AFTER_MS: '5000' } },
  'never-ready': { program: 'http', env: { READY: 'never' } },
  crash: { program: 'crash' },
  job: { program: 'job' },
};

/** What `ldc.dev/<name>:<tag>` stands for. The tag is the version that the service answers unless VERSION says otherwise. */
export function lookUpImage(image: string): ImageLookup {
  if (!image.startsWith(REGISTRY)) return { kind: 'foreign' };
  const [, name = '', tag = 'latest'] = /^([^:@]+)(?::([^@]+))?/.exec(image.slice(REGISTRY.length)) ?? [];
  const known = IMAGES[name];
  if (known === undefined) return { kind: 'missing' };
  return {
    kind: 'catalogue',
    image: { image, program: known.program, env: { NAME: name, VERSION: tag, ...known.env } },
  };
}

/**
 * Unpacks the catalogue's programs into a folder, as plain JavaScript that needs nothing beside it: readable by the
 * unprivileged user that runs them, and no time lost on type stripping when a container starts.
 */
export function unpackPrograms(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const ending = import.meta.filename.endsWith('.ts') ? '.ts' : '.js';
  for (const name of new Set(Object.values(IMAGES).map(({ program }) => program))) {
    const text = readFileSync(join(import.meta.dirname, 'programs', name + ending), 'utf8');
    const target = programFile(folder, name);
    writeFileSync(target, ending === '.ts' ? stripTypes(text) : text);
    chmodSync(target, 0o644);
  }
}

/** Node calls its own function experimental on stderr; what it does is the same that runs this very file. */
function stripTypes(text: string): string {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = warn;
  }
}

export function programFile(folder: string, program: string): string {
  return join(folder, `${program}.mjs`);
}
