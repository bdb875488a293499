/** The conformance suite: every case, put before one judge. */
import type { test } from 'node:test';
import { systemClock } from '../../src/base/index.ts';
import { connect } from '../../src/kubernetes/index.ts';
import { callerOf } from './caller.ts';
import { ALONE, CASES } from './cases/index.ts';
import { type Judge, openTrial, type Trial } from './judge.ts';

/** Cases by what they show. A case says what a *real* server does; it never asks which judge it stands before. */
export interface Cases {
  readonly [what: string]: (trial: Trial) => Promise<void>;
}

/** `LDC_CONFORMANCE=namespaces:` runs only the cases whose `area: name` contains it. */
const ONLY = process.env.LDC_CONFORMANCE ?? '';
const AT_ONCE = 8;
const CASE_MS_MAX = 120_000;

/**
 * Runs every case against the judge, in a namespace of its own, several at once. A judge that knowingly does not serve
 * something gives its own case instead, which shows that it is refused properly: `instead` by area and case.
 */
export async function conform(
  context: Suite,
  judge: Judge,
  instead: { readonly [what: string]: (trial: Trial) => Promise<void> } = {},
): Promise<void> {
  const client = await connect({ kind: 'kubeconfig', text: judge.kubeconfig }, systemClock);
  const put = (suite: Suite, { name, run }: Named) =>
    suite.test(name, { timeout: CASE_MS_MAX }, () => once(judge, callerOf(client), instead[name] ?? run));
  try {
    await context.test(judge.name, { concurrency: AT_ONCE }, async (suite) => {
      await Promise.all(named(CASES).map((one) => put(suite, one)));
      for (const one of named(ALONE)) await put(suite, one);
    });
  } finally {
    await client.close();
  }
}

type Suite = { test: typeof test };

interface Named {
  readonly name: string;
  readonly run: (trial: Trial) => Promise<void>;
}

function named(areas: { readonly [area: string]: Cases }): readonly Named[] {
  return Object.entries(areas)
    .flatMap(([area, cases]) => Object.entries(cases).map(([what, run]) => ({ name: `${area}: ${what}`, run })))
    .filter(({ name }) => name.includes(ONLY));
}

async function once(judge: Judge, admin: ReturnType<typeof callerOf>, run: (trial: Trial) => Promise<void>) {
  const trial = await openTrial(judge, admin);
  try {
    await run(trial);
  } finally {
    await trial.close();
  }
}
