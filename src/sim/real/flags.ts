/** The command lines of a control plane's parts. */
import { join } from 'node:path';
import type { ControlPlaneOptions, ControlPlanePart } from './types.ts';

export const PORT_NAMES = ['etcd', 'etcdPeer', 'api', 'controllers', 'scheduler', 'kwok'] as const;
export type Ports = { readonly [name in (typeof PORT_NAMES)[number]]: number };

/** Nodes that carry this annotation are kwok's; every other node has a kubelet that speaks for itself. */
export const KWOK_NODE = 'sim.ldc.dev/kubelet=kwok';

/** In the control plane's folder. */
export const STAGES_FILE = 'kwok.yaml';

/** Beside the addresses that pods of our kubelet show (`pod-addresses.ts`): nothing listens at kwok's. */
const POD_CIDR = '10.244.0.0/16';
const SERVICE_CIDR = '10.0.0.0/16';

type Options = Pick<ControlPlaneOptions, 'folder' | 'extent' | 'apiServerFlags' | 'unsafeNoFsync'>;

export function flagsOf(part: ControlPlanePart, options: Options, ports: Ports): readonly string[] {
  switch (part) {
    case 'etcd':
      return etcd(options, ports);
    case 'kube-apiserver':
      return apiServer(options, ports);
    case 'kube-controller-manager':
      return [...clientOfApiServer(options.folder, ports.controllers), ...controllerManager(options.folder)];
    case 'kube-scheduler':
      return clientOfApiServer(options.folder, ports.scheduler);
    case 'kwok':
      return kwok(options.folder, ports.kwok);
  }
}

function etcd({ folder, unsafeNoFsync = false }: Options, ports: Ports): string[] {
  const client = `http://127.0.0.1:${ports.etcd}`;
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
    ...(unsafeNoFsync ? ['--unsafe-no-fsync=true'] : []),
  ];
}

function apiServer({ folder, extent, apiServerFlags = [] }: Options, ports: Ports): string[] {
  const pki = (file: string) => join(folder, 'pki', file);
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.api}`,
    // without these two it looks for a default route, which a machine without a network does not have
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--cert-dir=${join(folder, 'run')}`,
    `--tls-cert-file=${pki('server.crt')}`,
    `--tls-private-key-file=${pki('server.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    '--enable-bootstrap-token-auth=true',
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki('sa.pub')}`,
    `--service-account-signing-key-file=${pki('sa.key')}`,
    `--requestheader-client-ca-file=${pki('ca.crt')}`,
    '--requestheader-allowed-names=front-proxy',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki('front-proxy.crt')}`,
    `--proxy-client-key-file=${pki('front-proxy.key')}`,
    // no part of a simulated node is ever dialled anywhere but here: its InternalIP is 127.0.0.1
    '--kubelet-preferred-address-types=InternalIP,Hostname',
    '--shutdown-watch-termination-grace-period=2s',
    '--etcd-db-metric-poll-interval=0',
    '--etcd-count-metric-poll-period=0',
    '--profiling=false',
    // without a controller manager nobody makes the ServiceAccount that this plugin asks for
    ...(extent === 'api' ? ['--disable-admission-plugins=ServiceAccount'] : []),
    ...apiServerFlags,
  ];
}

function clientOfApiServer(folder: string, port: number): string[] {
  return [
    `--kubeconfig=${join(folder, 'admin.kubeconfig')}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${join(folder, 'pki', 'server.crt')}`,
    `--tls-private-key-file=${join(folder, 'pki', 'server.key')}`,
    '--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--profiling=false',
  ];
}

function controllerManager(folder: string): string[] {
  return [
    `--root-ca-file=${join(folder, 'pki', 'ca.crt')}`,
    `--service-account-private-key-file=${join(folder, 'pki', 'sa.key')}`,
    `--cluster-signing-cert-file=${join(folder, 'pki', 'ca.crt')}`,
    `--cluster-signing-key-file=${join(folder, 'pki', 'ca.key')}`,
    '--controllers=*,bootstrap-signer-controller,token-cleaner-controller',
    '--use-service-account-credentials=false',
  ];
}

function kwok(folder: string, port: number): string[] {
  return [
    `--kubeconfig=${join(folder, 'admin.kubeconfig')}`,
    `--config=${join(folder, STAGES_FILE)}`,
    `--manage-nodes-with-annotation-selector=${KWOK_NODE}`,
    `--cidr=${POD_CIDR}`,
    // with any other address `kubectl logs` would make kube-apiserver dial it over the default route
    '--node-ip=127.0.0.1',
    `--node-port=${port}`,
    '--node-lease-duration-seconds=40',
    `--server-address=127.0.0.1:${port}`,
  ];
}
