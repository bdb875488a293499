/**
 * Reduces the published OpenAPI v3 documents of a Kubernetes release to what the embedded API server needs:
 * one JSON file a definition package in src/sim/schema/data, and the table of served resources.
 *
 * Usage: node tools/reduce-openapi/reduce.ts MODULE_DIR SHAPES_JSON [OUT_DIR]
 * MODULE_DIR is the unpacked Go module k8s.io/kubernetes (`go mod download -json`), SHAPES_JSON the output of ./shapes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

type Node = { [key: string]: unknown };

const SERVED = [
  'api/v1',
  'apis/admissionregistration.k8s.io/v1',
  'apis/apiextensions.k8s.io/v1',
  'apis/apps/v1',
  'apis/authentication.k8s.io/v1',
  'apis/authorization.k8s.io/v1',
  'apis/autoscaling/v1',
  'apis/autoscaling/v2',
  'apis/batch/v1',
  'apis/certificates.k8s.io/v1',
  'apis/coordination.k8s.io/v1',
  'apis/discovery.k8s.io/v1',
  'apis/events.k8s.io/v1',
  'apis/networking.k8s.io/v1',
  'apis/policy/v1',
  'apis/rbac.authorization.k8s.io/v1',
  'apis/scheduling.k8s.io/v1',
  'apis/storage.k8s.io/v1',
];

const [moduleDir, shapesFile, outDir = 'src/sim/schema/data'] = process.argv.slice(2);
if (moduleDir === undefined || shapesFile === undefined) {
  process.stderr.write('usage: reduce.ts MODULE_DIR SHAPES_JSON [OUT_DIR]\n');
  process.exit(2);
}

const inputs: { file: string; sha256: string }[] = [];

function readJson(path: string): Node {
  const bytes = readFileSync(path);
  inputs.push({ file: basename(path), sha256: createHash('sha256').update(bytes).digest('hex') });
  return JSON.parse(bytes.toString()) as Node;
}

const child = (node: unknown, ...keys: string[]): Node =>
  keys.reduce((at, key) => (at[key] ?? {}) as Node, (node ?? {}) as Node);

/** Writes the rules of the Go types beside the properties they are about. */
function withShapes(definition: Node, rules: Node | undefined): Node {
  if (rules === undefined || definition.properties === undefined) return definition;
  const properties = Object.entries(child(definition, 'properties')).map(([name, property]) => {
    const rule = rules[name];
    return [name, rule === undefined ? property : { ...(property as Node), 'x-ldc-wire': rule }];
  });
  return { ...definition, properties: Object.fromEntries(properties) };
}

function sorted(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(sorted);
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value)]));
}

/** Definitions of every served group-version by package; the same name must mean the same everywhere. */
function readDefinitions(shapes: Node): Map<string, Node> {
  const packages = new Map<string, Node>();
  for (const path of SERVED) {
    const file = `${path.replaceAll('/', '__')}_openapi.json`;
    const document = readJson(join(moduleDir as string, 'api/openapi-spec/v3', file));
    for (const [name, raw] of Object.entries(child(document, 'components', 'schemas'))) {
      const definition = sorted(withShapes(raw as Node, shapes[name] as Node | undefined)) as Node;
      const packageName = name.slice(0, name.lastIndexOf('.'));
      const into = packages.get(packageName) ?? {};
      packages.set(packageName, into);
      if (into[name] !== undefined && JSON.stringify(into[name]) !== JSON.stringify(definition)) {
        throw new Error(`${name} differs between documents`);
      }
      into[name] = definition;
    }
  }
  return packages;
}

/** `{group, version, kind}` to definition name, from the definitions themselves. */
function definitionsByKind(packages: Map<string, Node>): Map<string, string> {
  const byKind = new Map<string, string>();
  for (const definitions of packages.values()) {
    for (const [name, definition] of Object.entries(definitions)) {
      const kinds = ((definition as Node)['x-kubernetes-group-version-kind'] ?? []) as Node[];
      if (kinds.length !== 1) continue;
      const { group, version, kind } = kinds[0] as Node;
      byKind.set(`${group}/${version}/${kind}`, name);
    }
  }
  return byKind;
}

function readResources(byKind: Map<string, string>): Node[] {
  return SERVED.flatMap((path) => {
    const parts = path.split('/');
    const group = parts[0] === 'api' ? '' : (parts[1] as string);
    const version = parts.at(-1) as string;
    const list = readJson(join(moduleDir as string, 'api/discovery', `${path.replaceAll('/', '__')}.json`));
    const entries = (list.resources as Node[]).map((entry) => ({ ...entry, name: String(entry.name) }) as Node);
    return entries
      .filter((entry) => !String(entry.name).includes('/'))
      .map((entry) => ({
        group,
        version,
        kind: entry.kind,
        plural: entry.name,
        singular: entry.singularName,
        shortNames: entry.shortNames ?? [],
        categories: entry.categories ?? [],
        namespaced: entry.namespaced,
        verbs: entry.verbs,
        subresources: entries
          .map((other) => String(other.name))
          .filter((name) => name.startsWith(`${entry.name}/`))
          .map((name) => name.slice(name.indexOf('/') + 1)),
        definition: byKind.get(`${group}/${version}/${entry.kind}`),
      }));
  });
}

const packages = readDefinitions(readJson(shapesFile));
rmSync(outDir, { recursive: true, force: true });
mkdirSync(outDir, { recursive: true });
for (const [name, definitions] of packages)
  writeFileSync(join(outDir, `${name}.json`), `${JSON.stringify(sorted(definitions))}\n`);
writeFileSync(
  join(outDir, 'resources.json'),
  `${JSON.stringify(readResources(definitionsByKind(packages)), null, 1)}\n`,
);
const version = basename(moduleDir).split('@')[1] ?? 'unknown';
writeFileSync(
  join(outDir, 'SOURCE.md'),
  `# Source of this folder

Made by \`tools/reduce-openapi\` (see its README) from the Go module \`k8s.io/kubernetes@${version}\`, licence Apache-2.0, Copyright
The Kubernetes Authors: the documents under \`api/openapi-spec/v3\` and \`api/discovery\`, reduced to their definitions and
resource lists; and from the Go types of \`k8s.io/api\` and \`k8s.io/apiextensions-apiserver\` of the same release (which zero
values they send), as \`x-ldc-wire\`. Nothing here is edited by hand.

| input | sha256 |
|---|---|
${inputs.map((input) => `| ${input.file} | ${input.sha256} |`).join('\n')}
`,
);
process.stdout.write(`${packages.size} packages, ${readdirSync(outDir).length} files in ${outDir}\n`);
