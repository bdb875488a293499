/** What every Pod is given on creation: a service account and its token, a priority, and the usual tolerations. */
import type { Json, KubeObject } from '../../base/index.ts';
import { type Call, type Cluster, type Fields, part } from './cluster.ts';
import { ApiError, forbidden } from './status.ts';
import { fields } from './strategy.ts';

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';

/** @throws ApiError 403 for a service account or priority class that is not there. */
export function admitPod(cluster: Cluster, call: Call, pod: KubeObject): KubeObject {
  const spec = withTolerations(withPriority(cluster, call, pod, withServiceAccount(cluster, call, pod)));
  return { ...pod, spec };
}

function withServiceAccount(cluster: Cluster, call: Call, pod: KubeObject): Fields {
  const spec = part(pod, 'spec');
  const name = String(spec.serviceAccountName ?? spec.serviceAccount ?? 'default');
  const account = cluster.store.get('serviceaccounts', call.namespace, name);
  if (account === undefined) {
    throw forbidden(
      call.resource,
      pod.metadata.name,
      `error looking up service account ${call.namespace}/${name}: serviceaccount "${name}" not found`,
    );
  }
  const named = { ...spec, serviceAccountName: name, serviceAccount: name };
  const wanted = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  return wanted === false ? named : withToken(cluster, named);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function withToken(cluster: Cluster, spec: Fields): Fields {
  const suffix = Array.from(cluster.random.bytes(5), (byte) => SUFFIX[byte % SUFFIX.length]).join('');
  const volume = `kube-api-access-${suffix}`;
  const mount = { name: volume, readOnly: true, mountPath: TOKEN_PATH };
  const mounted = (container: Json): Json => {
    const mounts = list(fields(container).volumeMounts);
    return mounts.some((one) => fields(one).mountPath === TOKEN_PATH)
      ? container
      : { ...fields(container), volumeMounts: [...mounts, mount] };
  };
  const all = [...list(spec.containers), ...list(spec.initContainers)];
  const missing = all.some(
    (container) => !list(fields(container).volumeMounts).some((one) => fields(one).mountPath === TOKEN_PATH),
  );
  if (!missing) return spec;
  const source = {
    name: volume,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  };
  return {
    ...spec,
    volumes: [...list(spec.volumes), source],
    containers: list(spec.containers).map(mounted),
    ...(spec.initContainers === undefined ? {} : { initContainers: list(spec.initContainers).map(mounted) }),
  };
}

function withPriority(cluster: Cluster, call: Call, pod: KubeObject, spec: Fields): Fields {
  const classes = cluster.store.list('priorityclasses.scheduling.k8s.io');
  const wanted = spec.priorityClassName;
  const found =
    typeof wanted === 'string' && wanted !== ''
      ? classes.find((one) => one.metadata.name === wanted)
      : classes.find((one) => one.globalDefault === true);
  if (typeof wanted === 'string' && wanted !== '' && found === undefined) {
    throw forbidden(call.resource, pod.metadata.name, `no PriorityClass with name ${wanted} was found`);
  }
  const priority = typeof found?.value === 'number' ? found.value : 0;
  if (typeof spec.priority === 'number' && spec.priority !== priority) {
    throw new ApiError(
      403,
      'Forbidden',
      `pods "${pod.metadata.name}" is forbidden: the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
      { name: pod.metadata.name, kind: 'pods' },
    );
  }
  return {
    ...spec,
    ...(found === undefined ? {} : { priorityClassName: found.metadata.name }),
    priority,
    preemptionPolicy: spec.preemptionPolicy ?? found?.preemptionPolicy ?? 'PreemptLowerPriority',
  };
}

/** A pod stays five minutes on a node that went away, unless it says otherwise. */
function withTolerations(spec: Fields): Fields {
  const present = list(spec.tolerations);
  const tolerates = (key: string) =>
    present.some((one) => {
      const { key: own, effect } = fields(one);
      return (
        (own === key || own === undefined || own === '') &&
        (effect === undefined || effect === '' || effect === 'NoExecute')
      );
    });
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
    .filter((key) => !tolerates(key))
    .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  return added.length === 0 ? spec : { ...spec, tolerations: [...present, ...added] };
}
