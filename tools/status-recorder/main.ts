import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock, type Json, jsonEqual } from '../../src/base/index.ts';
import { connect } from '../../src/kubernetes/index.ts';
import { record } from './record.ts';

/** `tools/record-status KUBECONFIG...`: records each cluster and writes the file that the tests read. */
const FILE = join(import.meta.dirname, '..', '..', 'test', 'status', 'recorded.generated.json');
const recordings = [];
for (const kubeconfig of process.argv.slice(2)) {
  const client = await connect({ kind: 'kubeconfig', text: readFileSync(kubeconfig, 'utf8') }, clock);
  recordings.push(await record(client, (line) => process.stderr.write(`${line}\n`)));
  await client.close();
}
const [first] = recordings;
if (first === undefined) throw new Error('usage: tools/record-status KUBECONFIG [KUBECONFIG...]');
const lines = recordings.map(({ version, objects }) => {
  const own = [...objects].filter(([name, object]) => {
    return (
      objects === first.objects || !jsonEqual(object as unknown as Json, first.objects.get(name) as unknown as Json)
    );
  });
  return `${JSON.stringify(version)}: {\n${own.map(([name, object]) => `  ${JSON.stringify(name)}: ${JSON.stringify(object)}`).join(',\n')}\n}`;
});
writeFileSync(FILE, `{\n${lines.join(',\n')}\n}\n`);
process.stderr.write(
  `${first.objects.size} objects of ${recordings.map((one) => one.version).join(', ')} in ${FILE}\n`,
);
