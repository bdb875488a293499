/**
 * Makes src/sim/api/data/protobuf.generated.json from the generated.proto files of k8s.io/api v0.34.10 (Apache-2.0):
 *   go mod download k8s.io/api@v0.34.10 k8s.io/apimachinery@v0.34.10
 *   node tools/reduce-protobuf/make.ts "$(go env GOMODCACHE)/k8s.io"
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const VERSION = 'v0.34.10';
const GROUPS = [
  'apps/v1',
  'authentication/v1',
  'authorization/v1',
  'autoscaling/v1',
  'autoscaling/v2',
  'batch/v1',
  'certificates/v1',
  'coordination/v1',
  'core/v1',
  'discovery/v1',
  'events/v1',
  'networking/v1',
  'policy/v1',
  'rbac/v1',
  'scheduling/v1',
  'storage/v1',
];

const modules = process.argv[2];
if (modules === undefined) throw new Error('usage: make.ts <folder of the modules k8s.io/api and k8s.io/apimachinery>');
const root = new protobuf.Root();
root.resolvePath = (_origin, target) =>
  target.startsWith('k8s.io/')
    ? join(
        modules,
        target.replace(/^k8s\.io\/(api|apimachinery)\//, (_all, name: string) => `${name}@${VERSION}/`),
      )
    : target;
const sources: { [file: string]: string } = {};
for (const group of GROUPS) {
  const file = `k8s.io/api/${group}/generated.proto`;
  root.loadSync(file, { keepCase: true });
  sources[file] = createHash('sha256')
    .update(readFileSync(root.resolvePath('', file) ?? ''))
    .digest('hex');
}
const target = new URL('../../src/sim/api/data/protobuf.generated.json', import.meta.url);
const about = { module: `k8s.io/api ${VERSION}`, licence: 'Apache-2.0', sha256: sources };
writeFileSync(target, `${JSON.stringify({ about, root: root.toJSON() })}\n`);
