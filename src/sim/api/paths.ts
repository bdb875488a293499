/** Everything that is no resource: version, health, discovery, OpenAPI. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Json, JsonObject } from '../../base/index.ts';
import { type Answer, json, send, text } from './answer.ts';
import { aggregated, apiGroup, apiGroupList, apiResourceList, apiVersions } from './discovery.ts';
import type { Serving } from './handler.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import { negotiate } from './representation.ts';
import { ApiError, methodNotAllowed } from './status.ts';

/** The version that the embedded server behaves as. */
export const VERSION: JsonObject = {
  major: '1',
  minor: '34',
  emulationMajor: '1',
  emulationMinor: '34',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '33',
  gitVersion: 'v1.34.10',
  gitCommit: 'unknown',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'go1.26.8',
  compiler: 'gc',
  platform: 'linux/amd64',
};

const HEALTH_CHECKS = [
  'ping',
  'log',
  'etcd',
  'poststarthook/rbac/bootstrap-roles',
  'poststarthook/crd-informer-synced',
];

/** @throws ApiError 404, 405, 406. */
export function servePath(serving: Serving, request: IncomingMessage, response: ServerResponse, url: URL): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  if (path.startsWith('/version/')) {
    throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
  }
  const accept = request.headers.accept ?? '*/*';
  const answer =
    path === '/openapi/v2'
      ? openApiV2()
      : (healthAnswer(path, url.searchParams) ?? documentAnswer(serving, path, accept));
  if (answer?.headers?.Etag !== undefined && request.headers['if-none-match'] === answer.headers.Etag) {
    response.statusCode = 304;
    response.end();
    return;
  }
  send(response, answer ?? text(404, '404 page not found\n'));
}

/** An empty document in the only form that clients without OpenAPI v3 could read: it says that nothing can be checked by them. */
function openApiV2(): Answer {
  return { status: 200, body: Buffer.alloc(0), type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' };
}

function healthAnswer(path: string, query: URLSearchParams): Answer | undefined {
  const match = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path);
  if (match === null) return undefined;
  const [, endpoint = '', check] = match;
  if (check !== undefined) return HEALTH_CHECKS.includes(check) ? text(200, 'ok') : text(404, '404 page not found\n');
  if (!query.has('verbose')) return text(200, 'ok');
  const lines = HEALTH_CHECKS.map((name) => `[+]${name} ok\n`);
  return text(200, `${lines.join('')}${endpoint} check passed\n`);
}

function documentAnswer(serving: Serving, path: string, accept: string): Answer | undefined {
  const { registry } = serving.cluster;
  const [root, group, version, ...more] = path.split('/').slice(1);
  if (root === 'openapi' && group === 'v3')
    return openApiV3(
      serving,
      [version, ...more].filter((part) => part !== undefined),
    );
  if (more.length > 0) return undefined;
  if (path === '/version') return json(200, VERSION);
  if (path === '/') return json(200, { paths: rootPaths(serving) });
  if ((root === 'api' || root === 'apis') && group === undefined) return rootDiscovery(serving, root, accept);
  negotiate(accept, { tables: false, discovery: false });
  if (root === 'api' && version === undefined)
    return found(apiResourceList(registry, { group: '', version: group ?? '' }));
  if (root !== 'apis') return undefined;
  if (version === undefined) return found(apiGroup(registry, group ?? ''));
  return found(apiResourceList(registry, { group: group ?? '', version }));
}

function found(body: Json | undefined): Answer | undefined {
  return body === undefined ? undefined : json(200, body);
}

function rootDiscovery(serving: Serving, root: 'api' | 'apis', accept: string): Answer {
  const form = negotiate(accept, { tables: false, discovery: true });
  if (form.kind !== 'discovery') {
    return json(200, root === 'api' ? apiVersions(serving.address()) : apiGroupList(serving.cluster.registry));
  }
  const body = aggregated(serving.cluster.registry, root, form.version);
  const type = `application/json;g=apidiscovery.k8s.io;v=${form.version};as=APIGroupDiscoveryList`;
  const headers = { Etag: etagOf(body), Vary: 'Accept', 'Cache-Control': 'public' };
  return { status: 200, body, type, headers };
}

function etagOf(body: Json): string {
  return `"${hashOf(body)}"`;
}

function hashOf(body: Json): string {
  return createHash('sha512').update(JSON.stringify(body)).digest('hex').toUpperCase();
}

function openApiV3(serving: Serving, parts: readonly string[]): Answer | undefined {
  const { registry } = serving.cluster;
  if (parts.length === 0) {
    const index = openApiIndex(registry);
    return { status: 200, body: Buffer.from(JSON.stringify(index)), type: 'text/plain; charset=utf-8' };
  }
  const [root, group = '', version = ''] = parts;
  const gv = root === 'api' ? { group: '', version: group } : { group, version };
  const body = openApiDocument(registry, gv);
  return body === undefined ? undefined : { status: 200, body, headers: { Etag: etagOf(body), Vary: 'Accept' } };
}

function rootPaths(serving: Serving): readonly string[] {
  const { registry } = serving.cluster;
  const groups = registry
    .groups()
    .flatMap((group) => [
      `/apis/${group}`,
      ...registry.versionsOf(group).map((version) => `/apis/${group}/${version}`),
    ]);
  const health = ['/healthz', '/livez', '/readyz'].flatMap((path) => [
    path,
    ...HEALTH_CHECKS.map((check) => `${path}/${check}`),
  ]);
  const all = [
    '/.well-known/openid-configuration',
    '/api',
    '/api/v1',
    '/apis',
    '/apis/',
    ...groups,
    ...health,
    '/openapi/v2',
    '/openapi/v3',
    '/version',
  ];
  return all.filter((path) => path !== '/.well-known/openid-configuration').sort();
}
