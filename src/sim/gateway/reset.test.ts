import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';

/** A process that resets a connection whose end is just being sent, and then has nothing left to do. */
const PROGRAM = `
import { connect, createServer } from 'node:net';
import { reset } from ${JSON.stringify(new URL('./tcp-proxy.ts', import.meta.url).href)};
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.end();
  process.nextTick(() => {
    reset(socket);
    server.close();
  });
});
server.listen(0, '127.0.0.1', () => {
  const near = connect({ port: server.address().port, host: '127.0.0.1' });
  near.on('error', () => {});
  near.on('close', () => console.log('closed'));
  near.resume();
});
`;

describe('a connection that is reset while its end is being sent', () => {
  it('leaves no handle that would keep the process from exiting', async () => {
    const { code, signal, stdout } = await new Promise<{ code: unknown; signal: unknown; stdout: string }>(
      (resolve) => {
        const options = { timeout: 30_000, killSignal: 'SIGKILL' } as const; // it spins for ever, else
        execFile(process.execPath, ['--input-type=module', '--eval', PROGRAM], options, (error, stdout) =>
          resolve({ code: error?.code ?? 0, signal: error?.signal ?? null, stdout }),
        );
      },
    );
    assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: 'closed\n' });
  });
});
