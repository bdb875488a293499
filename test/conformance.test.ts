/** The conformance suite before the embedded judge; `test/kube/conformance.test.ts` puts the same before real control planes. */
import { test } from 'node:test';
import { embeddedJudge } from './conformance/embedded.ts';
import { INSTEAD_ON_EMBEDDED } from './conformance/instead.ts';
import { conform } from './conformance/suite.ts';

test('an embedded cluster answers as a real one', async (context) => {
  const judge = await embeddedJudge();
  try {
    await conform(context, judge, INSTEAD_ON_EMBEDDED);
  } finally {
    await judge.close();
  }
});
