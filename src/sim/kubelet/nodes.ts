import { type Cancel, isObject, type JsonObject } from '../../base/index.ts';
import { kubeTime } from '../kinds/index.ts';
import type { KubeletOptions, NodeSpec } from './types.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const LAZY_RENEWAL_MS = 10_000;

interface NodeCondition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
}

/** The Node objects that a kubelet speaks for: registered once, kept Ready by a lease each. */
export class Nodes {
  readonly #options: KubeletOptions;
  readonly #logsPort: number;
  #renewedMs = 0;
  readonly #onReady: () => void;
  #cancel: Cancel = () => {};

  /** @param onReady after each renewal by time, when the nodes have said that they are ready */
  constructor(options: KubeletOptions, logsPort: number, onReady: () => void = () => {}) {
    this.#options = options;
    this.#logsPort = logsPort;
    this.#onReady = onReady;
  }

  async register(): Promise<void> {
    await this.#ensureNamespace();
    for (const node of this.#options.nodes) {
      const { labels, annotations, spec } = this.#describe(node);
      const body = { apiVersion: 'v1', kind: 'Node', metadata: { name: node.name, labels, annotations }, spec };
      await this.#options.client.request({ method: 'POST', path: '/api/v1/nodes', body });
      await this.#writeStatus(node, this.#statusOf(node));
    }
    await this.renew();
    this.#schedule();
  }

  /** Says how much room there is; quantities as in NodeSpec.capacity. */
  async setAllocatable(name: string, allocatable: NodeSpec['capacity']): Promise<void> {
    await this.#patchStatus(name, { allocatable: { ...allocatable } });
  }

  /** Has the logs of a node that another plays asked of this kubelet, which says why there are none. */
  async serveLogsOf(name: string): Promise<void> {
    await this.#patchStatus(name, { daemonEndpoints: { kubeletEndpoint: { Port: this.#logsPort } } });
  }

  /** Renews the leases if that was not done lately; called with other work, so that idle nodes cost nothing. */
  touch(): void {
    if (this.#options.clock.now() - this.#renewedMs >= LAZY_RENEWAL_MS) void this.renew();
  }

  async renew(): Promise<void> {
    const { client, clock, leaseSeconds = 40 } = this.#options;
    this.#renewedMs = clock.now();
    const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
    for (const { name } of this.#options.nodes) {
      const spec = { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime };
      const contentType = 'application/merge-patch+json';
      const path = `${LEASES}/${name}`;
      const answer = await client.request({ method: 'PATCH', path, contentType, body: { spec } });
      if (answer.kind !== 'answered' || answer.status !== 404) continue;
      const metadata = { name, namespace: 'kube-node-lease' };
      await client.request({
        method: 'POST',
        path: LEASES,
        body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec },
      });
    }
  }

  close(): void {
    this.#cancel();
  }

  #schedule(): void {
    const { leaseSeconds, clock } = this.#options;
    if (leaseSeconds === undefined) return;
    this.#cancel = clock.after((leaseSeconds * 1000) / 4, () => {
      void this.renew()
        .then(() => this.#stayReady())
        .then(this.#onReady);
      this.#schedule();
    });
  }

  /** A real API server makes it by itself; posting again is answered 409. */
  async #ensureNamespace(): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-node-lease' } };
    await this.#options.client.request({ method: 'POST', path: '/api/v1/namespaces', body });
  }

  async #writeStatus(node: NodeSpec, status: JsonObject): Promise<void> {
    const before = await this.#conditionsOf(node.name);
    await this.#patchStatus(node.name, { ...status, conditions: conditionsAfter(before, status) as never });
  }

  /**
   * A node controller that missed some leases, as the API server was away, says Unknown of every condition. It takes new
   * leases for no sign of health: the node stays lost, and its pods are evicted, until its kubelet says otherwise.
   */
  async #stayReady(): Promise<void> {
    for (const node of this.#options.nodes) {
      const before = await this.#conditionsOf(node.name);
      if (before.length === 0 || before.every(({ status }) => status !== 'Unknown')) continue;
      const conditions = conditionsAfter(before, this.#statusOf(node));
      await this.#patchStatus(node.name, { conditions: conditions as never });
    }
  }

  /** None when it cannot be read. */
  async #conditionsOf(name: string): Promise<readonly NodeCondition[]> {
    const answer = await this.#options.client.request({ method: 'GET', path: `/api/v1/nodes/${name}` });
    const live =
      answer.kind === 'answered' && isObject(answer.body) && isObject(answer.body.status) ? answer.body.status : {};
    return (live.conditions ?? []) as unknown as readonly NodeCondition[];
  }

  async #patchStatus(name: string, status: JsonObject): Promise<void> {
    const { client, logger } = this.#options;
    const answer = await client.request({
      method: 'PATCH',
      path: `/api/v1/nodes/${name}/status`,
      query: { fieldManager: 'kubelet' },
      contentType: 'application/merge-patch+json',
      body: { status },
    });
    if (answer.kind === 'answered' && answer.status < 300) return;
    logger.warn(
      { node: name, answer: answer.kind === 'answered' ? answer.status : answer.reason },
      'node status was not taken',
    );
  }

  #describe(node: NodeSpec) {
    const labels = {
      'kubernetes.io/hostname': node.name,
      'kubernetes.io/os': process.platform,
      'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
      ...node.labels,
    };
    const annotations = { 'node.alpha.kubernetes.io/ttl': '0' };
    return { labels, annotations, spec: node.taints === undefined ? {} : { taints: node.taints } };
  }

  #statusOf(node: NodeSpec): JsonObject {
    const now = kubeTime(this.#options.clock.now());
    const condition = (type: string, status: string, reason: string, message: string) => {
      return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime: now };
    };
    return {
      capacity: { ...node.capacity },
      allocatable: { ...node.capacity },
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: node.name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: this.#logsPort } },
      nodeInfo: {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: '',
        osImage: 'ldc local cluster',
        containerRuntimeVersion: 'process://1.0.0',
        kubeletVersion: this.#options.version ?? 'v1.34.10',
        kubeProxyVersion: '',
        operatingSystem: process.platform,
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      },
    };
  }
}

/** What the kubelet says now, with the time of the last change where nothing has changed. */
function conditionsAfter(before: readonly NodeCondition[], { conditions }: JsonObject): readonly NodeCondition[] {
  return (conditions as unknown as readonly NodeCondition[]).map((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    return known?.status === condition.status && known.lastTransitionTime !== undefined
      ? { ...condition, lastTransitionTime: known.lastTransitionTime }
      : condition;
  });
}
