import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json, KubeObject } from '../../base/index.ts';
import { statusOf } from './index.ts';

function object(apiVersion: string, kind: string, fields: Record<string, Json>, metadata = {}): KubeObject {
  return { apiVersion, kind, metadata: { name: 'x', namespace: 'n', generation: 2, ...metadata }, ...fields };
}
const rolledOut = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 };
const available = [{ type: 'Available', status: 'True' }];
const CASES: readonly [string, KubeObject, string, RegExp][] = [
  [
    'deployment rolled out',
    object('apps/v1', 'Deployment', { spec: { replicas: 3 }, status: { ...rolledOut, conditions: available } }),
    'current',
    /3 of 3/,
  ],
  [
    'deployment without status',
    object('apps/v1', 'Deployment', { spec: { replicas: 3 } }),
    'inProgress',
    /not yet seen/,
  ],
  [
    'status of the generation before',
    object('apps/v1', 'Deployment', {
      spec: { replicas: 3 },
      status: { ...rolledOut, observedGeneration: 1, conditions: available },
    }),
    'inProgress',
    /generation 2/,
  ],
  [
    'old replicas left',
    object('apps/v1', 'Deployment', {
      spec: { replicas: 3 },
      status: { ...rolledOut, replicas: 4, conditions: available },
    }),
    'inProgress',
    /1 old/,
  ],
  [
    'deadline passed',
    object('apps/v1', 'Deployment', {
      spec: { replicas: 3 },
      status: {
        ...rolledOut,
        updatedReplicas: 1,
        conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'm' }],
      },
    }),
    'failed',
    /ProgressDeadlineExceeded/,
  ],
  [
    'scaled to zero',
    object('apps/v1', 'Deployment', { spec: { replicas: 0 }, status: { observedGeneration: 2 } }),
    'current',
    /0 of 0/,
  ],
  ['job that runs', object('batch/v1', 'Job', { spec: {}, status: { active: 1 } }), 'inProgress', /1 running/],
  [
    'job complete',
    object('batch/v1', 'Job', {
      spec: {},
      status: { succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }] },
    }),
    'current',
    /1 of 1/,
  ],
  [
    'job failed',
    object('batch/v1', 'Job', {
      spec: {},
      status: { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: '' }] },
    }),
    'failed',
    /Backoff/,
  ],
  ['pod failed', object('v1', 'Pod', { status: { phase: 'Failed', reason: 'Evicted' } }), 'failed', /Evicted/],
  [
    'pod without room',
    object('v1', 'Pod', {
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }],
      },
    }),
    'inProgress',
    /Unschedulable/,
  ],
  [
    'pod running, not ready',
    object('v1', 'Pod', { status: { phase: 'Running', containerStatuses: [{ ready: false }] } }),
    'inProgress',
    /0 of 1/,
  ],
  [
    'load balancer without address',
    object('v1', 'Service', { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1' }, status: { loadBalancer: {} } }),
    'inProgress',
    /no address/,
  ],
  ['cluster service', object('v1', 'Service', { spec: { clusterIP: '10.0.0.1' } }), 'current', /exists/],
  ['claim pending', object('v1', 'PersistentVolumeClaim', { status: { phase: 'Pending' } }), 'inProgress', /Pending/],
  [
    'statefulset of an old revision',
    object('apps/v1', 'StatefulSet', {
      spec: { replicas: 2 },
      status: {
        observedGeneration: 2,
        replicas: 2,
        readyReplicas: 2,
        updatedReplicas: 1,
        currentRevision: 'a',
        updateRevision: 'b',
      },
    }),
    'inProgress',
    /1 of 2 pods updated/,
  ],
  [
    'statefulset with a partition',
    object('apps/v1', 'StatefulSet', {
      spec: { replicas: 2, updateStrategy: { rollingUpdate: { partition: 1 } } },
      status: {
        observedGeneration: 2,
        replicas: 2,
        readyReplicas: 2,
        updatedReplicas: 1,
        currentRevision: 'a',
        updateRevision: 'b',
      },
    }),
    'current',
    /2 of 2/,
  ],
  [
    'daemonset short of a pod',
    object('apps/v1', 'DaemonSet', {
      status: {
        observedGeneration: 2,
        desiredNumberScheduled: 3,
        currentNumberScheduled: 3,
        updatedNumberScheduled: 3,
        numberAvailable: 2,
        numberReady: 2,
      },
    }),
    'inProgress',
    /2 of 3/,
  ],
  [
    'custom resource that speaks of an older generation',
    object('x.example/v1', 'Widget', {
      status: { conditions: [{ type: 'Ready', status: 'True', observedGeneration: 1 }] },
    }),
    'inProgress',
    /generation 1/,
  ],
  [
    'custom resource, Ready unknown',
    object('x.example/v1', 'Widget', {
      status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'Waiting' }] },
    }),
    'inProgress',
    /Waiting/,
  ],
  [
    'custom resource with an empty status',
    object('x.example/v1', 'Widget', { status: {} }),
    'inProgress',
    /not reported/,
  ],
  ['custom resource without status', object('x.example/v1', 'Widget', {}), 'current', /exists/],
  [
    'stalled',
    object('x.example/v1', 'Widget', {
      status: { conditions: [{ type: 'Stalled', status: 'True', reason: 'Broken' }] },
    }),
    'failed',
    /Broken/,
  ],
  ['config map', object('v1', 'ConfigMap', { data: {} }), 'current', /exists/],
  [
    'being deleted',
    object('v1', 'ConfigMap', {}, { deletionTimestamp: 't', finalizers: ['f'] }),
    'terminating',
    /waits for f/,
  ],
  [
    'definition not established',
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: {} }),
    'inProgress',
    /established/,
  ],
];

describe('statusOf', () => {
  for (const [name, input, expected, message] of CASES) {
    it(name, () => {
      const result = statusOf(input);
      assert.equal(result.status, expected, result.message);
      assert.match(result.message, message);
    });
  }
  it('what is not there is notFound', () => assert.equal(statusOf(undefined).status, 'notFound'));
});
