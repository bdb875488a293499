/** What a Service is given and keeps: addresses, node ports, the port of its health. */
import type { Json, JsonObject } from '../../../src/base/index.ts';
import { get, merge, post, remove } from '../build.ts';
import type { Script } from '../types.ts';

const SERVICES = '/api/v1/namespaces/{{ns}}/services';
const WEB = [{ port: 80 }];
/** A number out of an earlier answer, as it is. */
const number = (path: string): Json => `{{=${path}}}`;
const service = (name: string, spec: JsonObject): Json => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});
const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };

const addresses: Script = {
  name: 'addresses',
  steps: [
    post('create', SERVICES, service('a', { ports: WEB }), { keep: 'a' }),
    post('one that is taken', SERVICES, service('b', { ports: WEB, clusterIP: '{{a.spec.clusterIP}}' })),
    post('one from elsewhere', SERVICES, service('b', { ports: WEB, clusterIP: '192.0.2.1' })),
    post('one that is none', SERVICES, service('b', { ports: WEB, clusterIP: 'nonsense' })),
    post('in a dry run', `${SERVICES}?dryRun=All`, service('b', { ports: WEB })),
    post(
      'one that is taken, in a dry run',
      `${SERVICES}?dryRun=All`,
      service('b', { ports: WEB, clusterIP: '{{a.spec.clusterIP}}' }),
    ),
    post(
      'one from elsewhere, in a dry run',
      `${SERVICES}?dryRun=All`,
      service('b', { ports: WEB, clusterIP: '192.0.2.1' }),
    ),
    remove('delete', `${SERVICES}/a`),
    post('the free one, asked for', SERVICES, service('b', { ports: WEB, clusterIP: '{{a.spec.clusterIP}}' })),
    merge('to no address', `${SERVICES}/b`, { spec: { type: 'ExternalName', externalName: 'x.example.com' } }),
    post('what it had, asked for', SERVICES, service('c', { ports: WEB, clusterIP: '{{a.spec.clusterIP}}' })),
    merge('back, to what is taken', `${SERVICES}/b`, {
      spec: { type: 'ClusterIP', externalName: null, clusterIP: '{{a.spec.clusterIP}}' },
    }),
    remove('delete the other', `${SERVICES}/c`),
    merge('back, to what is free', `${SERVICES}/b`, {
      spec: { type: 'ClusterIP', externalName: null, clusterIP: '{{a.spec.clusterIP}}' },
    }),
    merge('another address', `${SERVICES}/b`, { spec: { clusterIP: '192.0.2.1', clusterIPs: ['192.0.2.1'] } }),
    get('at last', `${SERVICES}/b`),
  ],
};

const ports: Script = {
  name: 'node-ports',
  steps: [
    post('create', SERVICES, service('n', { type: 'NodePort', ports: WEB }), { keep: 'n' }),
    post(
      'one that is taken',
      SERVICES,
      service('m', { type: 'NodePort', ports: [{ port: 80, nodePort: number('n.spec.ports.0.nodePort') }] }),
    ),
    post('one from elsewhere', SERVICES, service('m', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })),
    post(
      'one that is taken, in a dry run',
      `${SERVICES}?dryRun=All`,
      service('m', { type: 'NodePort', ports: [{ port: 80, nodePort: number('n.spec.ports.0.nodePort') }] }),
    ),
    post(
      'some asked for and some not, in a dry run',
      `${SERVICES}?dryRun=All`,
      service('m', {
        ...local,
        ports: [
          { name: 'a', port: 80, nodePort: 99 },
          { name: 'b', port: 81 },
          { name: 'c', port: 81, protocol: 'UDP' },
        ],
      }),
    ),
    remove('delete', `${SERVICES}/n`),
    post(
      'the free one, asked for',
      SERVICES,
      service('m', { type: 'NodePort', ports: [{ port: 80, nodePort: number('n.spec.ports.0.nodePort') }] }),
    ),
    post(
      'twice in one',
      SERVICES,
      service('o', {
        type: 'NodePort',
        ports: [
          { name: 'a', port: 80, nodePort: number('n.spec.ports.0.nodePort') },
          { name: 'b', port: 81, nodePort: number('n.spec.ports.0.nodePort') },
        ],
      }),
    ),
    merge('no node ports any more', `${SERVICES}/m`, { spec: { type: 'ClusterIP' } }),
    merge('node ports again', `${SERVICES}/m`, { spec: { type: 'NodePort' } }),
    merge('in a dry run', `${SERVICES}/m?dryRun=All`, { spec: { ports: [{ name: 'a', port: 81 }] } }),
    post(
      'a balancer without node ports',
      SERVICES,
      service('l', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: WEB }),
    ),
    merge('that wants some', `${SERVICES}/l`, { spec: { allocateLoadBalancerNodePorts: true } }),
    merge('and none again', `${SERVICES}/l`, {
      spec: { allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] },
    }),
    post('a balancer to local pods', SERVICES, service('h', { ...local, ports: WEB }), { keep: 'h' }),
    post(
      'the port of its health is taken',
      SERVICES,
      service('i', { ...local, ports: WEB, healthCheckNodePort: number('h.spec.healthCheckNodePort') }),
      { compared: false },
    ),
    post('one from elsewhere for health', SERVICES, service('i', { ...local, ports: WEB, healthCheckNodePort: 7 })),
    post('health of no balancer', SERVICES, service('i', { ports: WEB, healthCheckNodePort: 30_007 })),
    merge('another port of its health', `${SERVICES}/h`, { spec: { healthCheckNodePort: 7 } }),
    merge('no port of its health named', `${SERVICES}/h`, { spec: { healthCheckNodePort: null } }),
    merge('to pods anywhere', `${SERVICES}/h`, { spec: { externalTrafficPolicy: 'Cluster' } }),
    merge('to local pods again', `${SERVICES}/h`, { spec: { externalTrafficPolicy: 'Local' } }),
    merge('no balancer any more', `${SERVICES}/h`, { spec: { type: 'ClusterIP' } }),
  ],
};

export const serviceScripts: readonly Script[] = [addresses, ports];
