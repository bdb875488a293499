import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Cancel, Clock } from '../../base/index.ts';
import type { Container, Port, ProbeSpec } from '../kinds/index.ts';
import type { RunningContainer } from './types.ts';

export type ProbeAnswer = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** Asks once, for real. Never rejects. */
export function askProbe(
  probe: ProbeSpec,
  container: Container,
  running: RunningContainer,
  podIp: string,
): Promise<ProbeAnswer> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec) {
    return running.exec(probe.exec.command ?? [], timeoutMs).then(({ exitCode, output }) => {
      return exitCode === 0 ? { ok: true } : { ok: false, message: output };
    });
  }
  if (probe.tcpSocket) {
    const host = probe.tcpSocket.host || podIp;
    return askTcp(host, portNumber(probe.tcpSocket.port, container), timeoutMs);
  }
  if (probe.httpGet) return askHttp(probe.httpGet, container, podIp, timeoutMs);
  return Promise.resolve({ ok: true }); // gRPC: nothing of the catalogue speaks it
}

function portNumber(port: Port, { ports = [] }: Container): number {
  if (typeof port === 'number') return port;
  return ports.find(({ name }) => name === port)?.containerPort ?? Number(port);
}

function askTcp(host: string, port: number, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const finish = (answer: ProbeAnswer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish({ ok: true }));
    socket.once('timeout', () => finish({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.once('error', (error) => finish({ ok: false, message: dialError(error, host, port) }));
  });
}

function dialError(error: NodeJS.ErrnoException, host: string, port: number): string {
  const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
  return `dial tcp ${host}:${port}: ${why}`;
}

function askHttp(
  get: NonNullable<ProbeSpec['httpGet']>,
  container: Container,
  podIp: string,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const host = get.host || podIp;
  const port = portNumber(get.port, container);
  const path = get.path?.startsWith('/') ? get.path : `/${get.path ?? ''}`;
  const secure = get.scheme === 'HTTPS';
  const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const url = `${secure ? 'https' : 'http'}://${host}:${port}${path}`;
  return new Promise((resolve) => {
    const options = { host, port, path, headers: { 'user-agent': 'kube-probe/1.34', connection: 'close', ...headers } };
    const send = secure ? httpsRequest : httpRequest;
    const request = send({ ...options, timeout: timeoutMs, agent: false, rejectUnauthorized: false }, (response) => {
      response.resume();
      const code = response.statusCode ?? 0;
      const ok = code >= 200 && code < 400;
      resolve(ok ? { ok } : { ok, message: `HTTP probe failed with statuscode: ${code}` });
    });
    request.once('timeout', () => {
      const message = `Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
      resolve({ ok: false, message });
      request.destroy();
    });
    request.once('error', (error) => resolve({ ok: false, message: `Get "${url}": ${dialError(error, host, port)}` }));
    request.end();
  });
}

/** Counts answers in a row against the thresholds; pure. */
export class ProbeCount {
  readonly #probe: ProbeSpec;
  #row = 0;
  #last: boolean | undefined;
  /** What holds now; undefined until a threshold was reached for the first time. */
  verdict: boolean | undefined;

  constructor(probe: ProbeSpec) {
    this.#probe = probe;
  }

  /** Whether the verdict changed. */
  take(ok: boolean): boolean {
    this.#row = this.#last === ok ? this.#row + 1 : 1;
    this.#last = ok;
    const threshold = ok ? (this.#probe.successThreshold ?? 1) : (this.#probe.failureThreshold ?? 3);
    if (this.#row < threshold || this.verdict === ok) return false;
    this.verdict = ok;
    return true;
  }
}

export interface ProbeLoop {
  stop: Cancel;
}

/** Asks again and again until stopped; `onAnswer` hears every answer, in order. */
export function repeatProbe(
  probe: ProbeSpec,
  clock: Clock,
  ask: () => Promise<ProbeAnswer>,
  onAnswer: (answer: ProbeAnswer) => void,
): ProbeLoop {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  let stopped = false;
  let cancel: Cancel = () => {};
  const again = (delayMs: number) => {
    cancel = clock.after(delayMs, async () => {
      const answer = await ask();
      if (stopped) return;
      onAnswer(answer);
      if (!stopped) again(periodMs);
    });
  };
  again((probe.initialDelaySeconds ?? 0) * 1000);
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}
