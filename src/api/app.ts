import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { errorText } from '../base/index.ts';
import { bearerOf, mount } from './http/mount.ts';
import { HttpProblem, notFound, problemDetailsOf, problemOf } from './http/problem.ts';
import { createMetrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { allBindings } from './routes/index.ts';
import type { Services } from './services.ts';
import { createTokens } from './tokens.ts';

/**
 * The REST API as an express application; main gives it to an HTTPS server. Needs nothing but its services, and has
 * one end of life: `close` stops what it listens to inside.
 */
export function createApp(services: Services): { readonly app: Express; close(): void } {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', 'strong');
  app.set('query parser', 'simple');
  app.use(begin(services));

  const tokens = createTokens(services);
  const bindings = allBindings(services, tokens);
  const metrics = createMetrics(services);
  const openApi = openApiDocument(
    bindings.map(({ route }) => route),
    services.version,
  );
  app.get('/healthz', (_, response) => void response.type('text/plain').send('ok\n'));
  app.get('/readyz', (_, response) => {
    const { ready, checks } = services.ready();
    response.status(ready ? 200 : 503).json({ ready, checks });
  });
  app.get('/openapi.json', (_, response) => void response.json(openApi));
  app.get('/metrics', (request, response) => {
    if (bearerOf(request, tokens) === undefined)
      throw new HttpProblem(401, {
        kind: 'unauthenticated',
        message: 'metrics need a bearer token',
        hint: 'send Authorization: Bearer TOKEN; a token of role viewer is enough',
      });
    response.type('text/plain; version=0.0.4').send(metrics.text());
  });
  mount(app, bindings, services, tokens);

  app.use((request: Request) => {
    throw notFound(`route ${request.method} ${request.path}`, 'GET /openapi.json lists all routes');
  });
  app.use(failed(services));
  return { app, close: () => metrics.close() };
}

/** Names the request, guards the answer, and logs how it went. */
function begin({ ids, clock, logger }: Services) {
  return (request: Request, response: Response, next: NextFunction) => {
    const startedAtMs = clock.monotonic();
    const requestId = ids.next('req');
    response.locals.requestId = requestId;
    response.set({
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'strict-transport-security': 'max-age=31536000',
      'cache-control': 'no-store',
    });
    response.once('finish', () => {
      const tookMs = Math.round(clock.monotonic() - startedAtMs);
      const fields = {
        request: requestId,
        method: request.method,
        path: request.path,
        status: response.statusCode,
        tookMs,
      };
      logger.debug(fields, 'answered');
    });
    next();
  };
}

function failed({ logger }: Services) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const requestId = String(response.locals.requestId);
    const problem = problemOf(error) ?? fault();
    if (problem.status >= 500)
      logger.error({ request: requestId, path: request.path, error: errorText(error) }, 'a call failed');
    if (response.headersSent) return void response.destroy();
    response
      .status(problem.status)
      .set(problem.headers)
      .type('application/problem+json')
      .send(JSON.stringify(problemDetailsOf(problem, requestId)));
  };
}

function fault(): HttpProblem {
  return new HttpProblem(500, {
    kind: 'internal',
    message: 'the hub failed at this call; nothing more is told here',
    hint: 'its log says more under the request id in `instance`',
  });
}
