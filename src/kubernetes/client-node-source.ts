/** Credentials as client-node reads them: exec plugins, proxies, providers and whatever else a kubeconfig may hold. It is loaded only here. */
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { sha256Hex } from '../base/index.ts';
import type { Kubeconfig, Source } from './credentials.ts';

interface StatedUser {
  readonly token?: unknown;
}

type Library = typeof import('@kubernetes/client-node');

/** @throws Error with a sentence when the kubeconfig cannot be used. */
export async function clientNodeSource({ text, context }: Kubeconfig): Promise<Source> {
  const library = await import('@kubernetes/client-node');
  const config = new library.KubeConfig();
  config.loadFromString(text);
  if (context !== undefined) setContext(config, context);
  await refuseWhatDiffers(text, config);
  return sourceOf(library, config);
}

/**
 * Of who is impersonated client-node sends the name alone: with the rest dropped it would act with other rights than kubectl
 * does. A token without quotes that YAML reads as a number is sent as that number is written (1.50 as 1.5); kubectl refuses it.
 */
async function refuseWhatDiffers(text: string, config: KubeConfig): Promise<void> {
  const { parse } = await import('yaml');
  const { users } = parse(text, { merge: true }) as { users?: readonly { name: string; user?: StatedUser | null }[] };
  const name = config.getCurrentUser()?.name;
  const user = users?.find((one) => one.name === name)?.user ?? {};
  const dropped = ['as-uid', 'as-groups', 'as-user-extra'].filter((key) => key in user);
  if (dropped.length > 0)
    throw new Error(
      `user ${name} of the kubeconfig has ${dropped.join(', ')}, which ldc does not send: give one that acts as itself, or with \`as\` alone`,
    );
  const { token = null } = user;
  if (token !== null && typeof token !== 'string')
    throw new Error(`the token of user ${name} of the kubeconfig is no text but a ${typeof token}: put it in quotes`);
}

function setContext(config: KubeConfig, context: string): void {
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) throw new Error(`the kubeconfig has no context ${context}; it has ${known.join(', ')}`);
  config.setCurrentContext(context);
}

function sourceOf(library: Library, config: KubeConfig): Source {
  const { RequestContext, HttpMethod } = library;
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current context with a cluster');
  const server = cluster.server.replace(/\/+$/, '');
  return {
    server,
    async read() {
      const tls: RequestOptions = {};
      await config.applyToHTTPSOptions(tls);
      const context = new RequestContext(`${server}/`, HttpMethod.GET);
      await config.applySecurityAuthentication(context);
      return {
        headers: context.getHeaders(),
        material: sha256Hex(JSON.stringify([tls.ca, tls.cert, tls.key].map((part) => (part ? String(part) : '')))),
        connect: () => context.getDispatcher(),
      };
    },
    anonymous() {
      const bare = new library.KubeConfig();
      bare.loadFromClusterAndUser(cluster, { name: 'bearer' });
      return sourceOf(library, bare);
    },
  };
}
