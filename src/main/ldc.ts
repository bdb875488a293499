/**
 * The program. What it needs is loaded by what it is asked for: `--help` pays for nothing else.
 * bin/ldc has Node keep the compiled code, so that stripping types and parsing are paid once per version, not per run.
 */
if (process.argv[2] === 'part') {
  const { runPart } = await import('./parts.ts');
  await runPart(process.argv[3] ?? '', process.argv[4] ?? '{}');
} else {
  const { runCli } = await import('./cli.ts');
  process.exitCode = await runCli(process.argv);
}
