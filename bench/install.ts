/**
 * What a newcomer waits for: `npm ci` and then `npm run demo` in a fresh clone of HEAD, with the machine's own Node first in
 * PATH and npm's cache as it is. `node bench/install.ts`; JSON on stdout.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { printFigures, rounded } from './measure/figures.ts';
import { timed } from './measure/runs.ts';

interface DemoReport {
  readonly ok: boolean;
  readonly seconds: number;
  readonly claims: readonly { readonly ok: boolean }[];
}

const root = join(import.meta.dirname, '..');
const clone = mkdtempSync(join(tmpdir(), 'ldc-bench-'));
// npm puts node_modules/.bin in front of a script's PATH, and with it the Node that the checkout brought.
const path = process.env.PATH?.split(delimiter).filter((folder) => !folder.includes('node_modules'));
const env = { ...process.env, PATH: path?.join(delimiter) };

function sizeMiB(folder: string): number {
  const bytes = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  return Math.round(bytes / 2 ** 20);
}

try {
  timed('git', ['clone', '--quiet', root, clone], { cwd: root });
  const own = (program: string) => timed(program, ['--version'], { cwd: clone, env }).stdout.trim();
  const ci = timed('npm', ['ci'], { cwd: clone, env });
  const said = `${ci.stdout}${ci.stderr}`.split('\n').filter((line) => line.trim() !== '');
  const demo = timed('npm', ['run', '--silent', 'demo', '--', '-o', 'json'], { cwd: clone, env });
  const report = JSON.parse(demo.stdout) as DemoReport;
  printFigures('install', {
    machinesOwn: { node: own('node'), npm: own('npm') },
    npmCi: {
      seconds: rounded(ci.ms / 1_000),
      linesBesideAdded: said.filter((line) => !line.startsWith('added ')).length,
      installedMiB: sizeMiB(join(clone, 'node_modules')),
    },
    demo: {
      seconds: rounded(demo.ms / 1_000),
      ok: report.ok,
      claims: report.claims.length,
      claimsTrue: report.claims.filter(({ ok }) => ok).length,
    },
  });
} finally {
  rmSync(clone, { recursive: true, force: true });
}
