/**
 * The HTTP service of the catalogue; a process of its own, so it reads its own environment. It is unpacked alone:
 * nothing of ours may be imported.
 *
 * PORT (8080), POD_IP (the address to listen on), NAME, VERSION, CONFIG (a folder whose files it shows),
 * READY=never (healthy never), READY_AFTER_MS (healthy only then).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import process, { env, exit, stdin, stdout, uptime } from 'node:process';

const port = Number(env.PORT ?? 8080);
const readyAfterS = Number(env.READY_AFTER_MS ?? 0) / 1000;

// the kubelet holds the other end: when it is gone, so is this container
stdin.resume();
stdin.on('end', () => exit(137));
process.on('SIGTERM', () => {
  say('stopping');
  server.close(() => exit(0));
  server.closeAllConnections();
});

function say(text: string): void {
  stdout.write(`${text}\n`);
}

function isHealthy(): boolean {
  return env.READY !== 'never' && uptime() >= readyAfterS;
}

function config(): Record<string, string> {
  if (env.CONFIG === undefined) return {};
  try {
    const files = readdirSync(env.CONFIG, { withFileTypes: true }).filter((entry) => !entry.name.startsWith('..'));
    return Object.fromEntries(files.map(({ name }) => [name, readFileSync(join(env.CONFIG ?? '', name), 'utf8')]));
  } catch (error) {
    return { error: String(error) };
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').split('?')[0];
  if (path === '/healthz' || path === '/readyz' || path === '/livez') {
    // a service that never gets ready is alive all the same
    const healthy = path === '/livez' || isHealthy();
    response.writeHead(healthy ? 200 : 503, { 'content-type': 'text/plain' }).end(healthy ? 'ok\n' : 'not ready\n');
    return;
  }
  say(`${request.method} ${request.url}`);
  const body = { name: env.NAME, version: env.VERSION, pod: env.HOSTNAME, address: env.POD_IP, path, config: config() };
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

const server = createServer(answer);
server.on('error', (error) => {
  say(`cannot serve: ${error.message}`);
  exit(1);
});
server.listen(port, env.POD_IP ?? '127.0.0.1', () => {
  say(`${env.NAME} ${env.VERSION} serves on ${env.POD_IP ?? '127.0.0.1'}:${port}`);
  if (!isHealthy())
    say(env.READY === 'never' ? 'will never be ready' : `will be ready ${readyAfterS} s after the start`);
});
