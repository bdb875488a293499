/** Runs a case against one server: a service account with the case's rights asks, and what it is answered is told. */
import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { canonical, isObject, type Json, type JsonObject } from '../../src/base/index.ts';
import type { Asked, Case } from './types.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
/** Rights are looked up in a cache on a real server. */
const CACHE_LIMIT_MS = 20_000;

/** One line a request: what was asked, the code, the message of a refusal. */
export type Answers = readonly string[];

interface Server {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Reply {
  readonly code: number;
  readonly body: JsonObject;
}

/** @param kubeconfig an administrator's, with a client certificate. */
export async function answersTo(
  { rules, clusterRules, given = [], asked }: Case,
  kubeconfig: string,
): Promise<Answers> {
  const server = serverOf(kubeconfig);
  const own = `rbac-${randomBytes(4).toString('hex')}`;
  const admin = async (one: Asked) => {
    const reply = await send(server, own, one);
    if (reply.code >= 300) throw new Error(`${one.method} ${one.path}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  const make = (path: string, kind: string, name: string, more: JsonObject = {}) =>
    admin({ method: 'POST', path, body: { kind, metadata: { name }, ...more } });
  await make('/api/v1/namespaces', 'Namespace', '$NS');
  await make('/api/v1/namespaces/$NS/serviceaccounts', 'ServiceAccount', 'asker');
  const subjects = [{ kind: 'ServiceAccount', name: 'asker', namespace: '$NS' }];
  const grant = async (prefix: string, kind: 'Role' | 'ClusterRole', granted: readonly JsonObject[]) => {
    const plural = kind === 'Role' ? 'role' : 'clusterrole';
    await make(`${RBAC}${prefix}/${plural}s`, kind, '$NS-rights', { rules: granted });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: '$NS-rights' };
    await make(`${RBAC}${prefix}/${plural}bindings`, `${kind}Binding`, '$NS-rights', { roleRef, subjects });
  };
  if (rules !== undefined) await grant('/namespaces/$NS', 'Role', rules);
  if (clusterRules !== undefined) await grant('', 'ClusterRole', clusterRules);
  for (const one of given) await admin(one);
  const path = '/api/v1/namespaces/$NS/serviceaccounts/asker/token';
  const { status } = await admin({ method: 'POST', path, body: { spec: {} } });
  const token = String(isObject(status) ? status.token : '');
  await settled(server, own, token, rules ?? clusterRules);
  const lines: string[] = [];
  for (const one of asked) lines.push(line(one, await send(server, own, one, token), own));
  await admin({ method: 'DELETE', path: '/api/v1/namespaces/$NS' });
  return lines;
}

/** Waits until the server counts with the rights that were just granted. */
async function settled(server: Server, own: string, token: string, rules: Case['rules']): Promise<void> {
  const first = rules?.[0];
  const body = { kind: 'SelfSubjectRulesReview', spec: { namespace: '$NS' } };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
  for (const end = Date.now() + CACHE_LIMIT_MS; first !== undefined && Date.now() < end; await sleep(20)) {
    const reply = await send(server, own, { method: 'POST', path, body }, token);
    const shown = JSON.stringify(reply.body);
    const wanted = (first.resources ?? first.nonResourceURLs) as readonly string[];
    if (wanted.every((one) => shown.includes(JSON.stringify(one)))) return;
  }
}

function line({ method, path, headers = {}, look }: Asked, { code, body }: Reply, own: string): string {
  const acting = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`);
  const what = code < 300 ? (look === undefined ? '' : ` ${canonical(look(body))}`) : ` ${refusal(body)}`;
  const text = `${method} ${path}${acting.join('')} -> ${code}${what}`;
  const groups = /\[("system:serviceaccounts"[^\]]*)\]/g;
  return text.replaceAll(own, '$NS').replace(groups, '[…]');
}

function refusal({ message, reason, details }: JsonObject): string {
  return `${String(reason ?? '')}: ${String(message ?? '')} ${JSON.stringify(details ?? null)}`;
}

function serverOf(kubeconfig: string): Server {
  const config = parse(kubeconfig) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  };
  const text = (data = '') => Buffer.from(data, 'base64').toString('utf8');
  const cluster = config.clusters[0]?.cluster;
  const user = config.users[0]?.user;
  return {
    url: cluster?.server ?? '',
    ca: text(cluster?.['certificate-authority-data']),
    cert: text(user?.['client-certificate-data']),
    key: text(user?.['client-key-data']),
  };
}

/** As the administrator, or with a token. A body that is no JSON is an empty object. */
function send({ url, ca, cert, key }: Server, own: string, asked: Asked, token?: string): Promise<Reply> {
  const named = (text: string) => text.replaceAll('$NS', own);
  const { method, path, body, contentType = 'application/json', headers = {} } = asked;
  const impersonation = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, named(value)]));
  const who = token === undefined ? { cert, key } : {};
  const auth = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const call = request(new URL(named(path), url), {
      method,
      ca,
      ...who,
      agent: false,
      headers: { accept: 'application/json', 'content-type': contentType, ...auth, ...impersonation },
    });
    call.on('error', reject);
    call.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body: objectOf(text) }));
    });
    call.end(body === undefined ? undefined : named(JSON.stringify(body)));
  });
}

function objectOf(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
