/**
 * Wall time of `ldc --help` and `ldc validate -f examples/shop`, from a checkout (TypeScript) and from the package, packed and
 * installed into an empty folder (JavaScript). `node bench/cli.ts [RUNS]`; the first run, without the cache of compiled
 * code, is told apart. JSON on stdout.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { printFigures, rounded, spread } from './measure/figures.ts';
import { timed } from './measure/runs.ts';

const root = join(import.meta.dirname, '..');
const runs = Number(process.argv[2] ?? 20);
const work = mkdtempSync(join(tmpdir(), 'ldc-bench-'));
// The package runs on the Node in PATH: here the one that runs this.
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  XDG_CACHE_HOME: join(work, 'cache'),
  NODE_COMPILE_CACHE: '',
};

function measure(ldc: string, args: readonly string[]) {
  const run = () => timed(ldc, args, { cwd: root, env }).ms;
  rmSync(env.XDG_CACHE_HOME, { recursive: true, force: true });
  const firstMs = rounded(run());
  run();
  return { firstMs, thenMs: spread(Array.from({ length: runs }, run)) };
}

function installed(): string {
  timed('npm', ['pack', '--silent', '--pack-destination', work], { cwd: root, env });
  const app = join(work, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"private":true}');
  const tarball = readdirSync(work).find((name) => name.endsWith('.tgz')) as string;
  timed('npm', ['install', '--silent', '--no-save', join(work, tarball)], { cwd: app, env });
  return join(app, 'node_modules', '.bin', 'ldc');
}

const HELP = ['--help'];
const VALIDATE = ['validate', '-f', join(root, 'examples', 'shop')];
try {
  const source = join(root, 'bin', 'ldc');
  const bareNode = spread(
    Array.from({ length: runs }, () => timed(process.execPath, ['--eval', '0'], { cwd: root, env }).ms),
  );
  const fromSource = { help: measure(source, HELP), validate: measure(source, VALIDATE) };
  const packed = installed();
  const fromPackage = { help: measure(packed, HELP), validate: measure(packed, VALIDATE) };
  printFigures('cli', { bareNodeMs: bareNode, fromSource, fromPackage });
} finally {
  rmSync(work, { recursive: true, force: true });
}
