import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { connect } from 'node:tls';
import { type Clock, createIds, SimulatedClock, seededRandom, silentLogger, systemRandom } from '../../base/index.ts';
import { memoryStore } from '../../store/index.ts';
import { createAuthority, issueServer } from '../certificates.ts';
import { clusterProjector } from './entries.ts';
import { createHubLink } from './index.ts';
import { createServerCertificates } from './server-certificate.ts';

const DAY = 24 * 3_600_000;

/** The serial number of the certificate that a port shows, and when it ends. */
function shownAt(port: number): Promise<{ readonly serial: string; readonly endsMs: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const { serialNumber, validTo } = socket.getPeerX509Certificate() ?? assert.fail('no certificate');
      socket.destroy();
      resolve({ serial: serialNumber, endsMs: Date.parse(validTo) });
    });
    socket.on('error', reject);
  });
}

it('a hub that runs for months shows agents, and REST, a certificate that is good', async (t) => {
  const clock = new SimulatedClock(Date.now());
  const dir = mkdtempSync(join(tmpdir(), 'ldc-server-'));
  const base = { clock, random: systemRandom, logger: silentLogger };
  const hub = await createHubLink({
    ...{ ...base, dir, store: memoryStore({ ...base, projectors: [clusterProjector] }) },
    ...{ ids: createIds(clock, seededRandom(1)), listen: { host: '127.0.0.1', port: 0 }, heartbeatMs: DAY },
    ...{ hubName: 'test', desired: () => [] },
  });
  const forRest: string[] = [];
  forRest.push((await hub.serverCertificate((fresh) => forRest.push(fresh.cert))).cert);
  await hub.start();
  t.after(async () => {
    await hub.stop();
    rmSync(dir, { recursive: true });
  });
  const port = Number(new URL(hub.url).port);
  const seen = new Set([(await shownAt(port)).serial]);
  for (let round = 1; round <= 6; round++) {
    await clock.advance(20 * DAY);
    // certificates are made outside the simulated time
    for (let wait = 0; wait < 4_000 && seen.has((await shownAt(port)).serial); wait++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const { serial, endsMs } = await shownAt(port);
    seen.add(serial);
    assert.equal(seen.size, round + 1, 'it is another one');
    assert.ok(endsMs > clock.now() + 60 * DAY);
  }
  assert.equal(forRest.length, 7);
  assert.ok(Date.parse(new X509Certificate(forRest.at(-1) ?? '').validTo) > clock.now() + 60 * DAY);
});

it('a hub whose clock is set shows one that is good by it, within minutes', async (t) => {
  let aheadMs = 0;
  const time = new SimulatedClock();
  const clock: Clock = {
    now: () => time.now() + aheadMs,
    monotonic: () => time.monotonic(),
    after: (delayMs, run) => time.after(delayMs, run),
    sleep: (delayMs, signal) => time.sleep(delayMs, signal),
  };
  const own = await createAuthority('ldc test', clock.now() - 300 * DAY, systemRandom);
  const certificates = createServerCertificates(
    { caPem: own.certificate, issueServer: (hosts) => issueServer(own, hosts, clock.now(), systemRandom) },
    ['localhost'],
    { clock, logger: silentLogger },
  );
  const shown = [await certificates.issue()];
  certificates.onFresh((fresh) => void shown.push(fresh));
  certificates.start();
  t.after(() => certificates.stop());
  for (const [at, setTo] of [100 * DAY, -100 * DAY].entries()) {
    aheadMs = setTo;
    await time.advance(15 * 60_000);
    for (let wait = 0; wait < 4_000 && shown.length < at + 2; wait++) await new Promise((go) => setTimeout(go, 5));
    assert.equal(shown.length, at + 2);
    const { validFrom, validTo } = new X509Certificate(shown.at(-1)?.cert ?? '');
    assert.ok(Date.parse(validFrom) <= clock.now() && clock.now() + 80 * DAY < Date.parse(validTo));
  }
});
