import type { Scenario } from '../types.ts';

const NODE = `
apiVersion: v1
kind: Node
metadata: { name: $NS, labels: { matrix: $NS }, annotations: { matrix: node } }
spec: { taints: [ { key: matrix.ldc.dev/alone, effect: NoSchedule } ] } # no DaemonSet of another scenario comes here
`;
const bare = (name: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: bare } }
spec: { nodeName: $NS, terminationGracePeriodSeconds: 0, containers: [ { name: c, image: "example.invalid/x:1" } ] }
`;

/** Cordon, drain and taint, on a node that no kubelet keeps. */
export const nodes: Scenario = {
  name: 'nodes',
  steps: [
    { name: 'node', args: 'create -f -', input: NODE },
    { name: 'cordon', args: 'cordon $NS' },
    { name: 'cordon again', args: 'cordon $NS' },
    { name: 'cordoned', args: 'get node $NS -o jsonpath={.spec.unschedulable}' },
    { name: 'uncordon', args: 'uncordon $NS' },
    { name: 'taint', args: 'taint node $NS matrix=yes:PreferNoSchedule' },
    { name: 'taint again', args: 'taint node $NS matrix=no:PreferNoSchedule' },
    { name: 'taint overwrite', args: 'taint --overwrite node $NS matrix=no:PreferNoSchedule' },
    { name: 'taint off', args: 'taint node $NS matrix-' },
    { name: 'taint off again', args: 'taint node $NS matrix-' },
    { name: 'pods', args: 'create -f -', input: `${bare('a')}---${bare('b')}` },
    { name: 'drain refuses', args: 'drain $NS --timeout=30s' },
    { name: 'drain', args: 'drain $NS --force --grace-period=0 --timeout=90s', sorted: true },
    { name: 'drained', args: 'get pods' },
    { name: 'drain nothing', args: 'drain $NS' },
    { name: 'drain unknown', args: 'drain $NS-none' },
    { name: 'label', args: 'label node $NS zone=a' },
    { name: 'by label', args: 'get nodes -l matrix=$NS -o name' },
    { name: 'delete', args: 'delete node $NS' },
  ],
};
