/** `npm run kube:build [-- 1.34]`: builds what is missing of the real control planes, and says what is where. */

import { systemClock as clock } from '../src/base/index.ts';
import { CannotBuild, MINORS, type Minor, provideBinaries } from '../src/sim/real/index.ts';

const asked = process.argv.slice(2);
const unknown = asked.find((minor) => !MINORS.includes(minor as Minor));
if (unknown !== undefined) {
  console.error(`no Kubernetes ${unknown} is built here; there are ${MINORS.join(' and ')}`);
  process.exit(2);
}

try {
  const seconds: string[] = [];
  for (const minor of asked.length === 0 ? MINORS : (asked as Minor[])) {
    const { version, program, built } = await provideBinaries(minor, {
      environment: process.env,
      clock,
      say: console.log,
    });
    console.log(`${version}: ${program['kube-apiserver']}`);
    seconds.push(...built.map((one) => `${one.name} in ${one.seconds} s`));
  }
  console.log(seconds.length === 0 ? 'nothing had to be built' : `built: ${seconds.join(', ')}`);
} catch (error) {
  if (!(error instanceof CannotBuild)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
