import type { Scenario } from '../types.ts';

const pod = (name: string, image: string, more = '') => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: talkers } }
spec:
  restartPolicy: ${more === '' ? 'Always' : 'Never'}
  terminationGracePeriodSeconds: 0
  containers: [ { name: c, image: "${image}"${more} } ]
`;
const talk = (text: string) => `, command: [ sh, -c, "${text}" ]`;

/** What reaches into a container. */
export const containers: Scenario = {
  name: 'containers',
  embeddedOnly: 'a control plane with kwok alone has no containers; test/kube/dev.test.ts asks our kubelet there',
  steps: [
    {
      name: 'start',
      args: 'create -f -',
      silent: true,
      input: `${pod('lines', 'ldc.dev/http:1', talk('for i in 1 2 3; do echo line $i; done'))}---${pod('two', 'ldc.dev/http:1', talk('echo other'))}---${pod('ever', 'ldc.dev/http:1', talk('echo first; sleep 2; echo second; sleep 1'))}---${pod('crash', 'ldc.dev/crash:1')}`,
    },
    { name: 'done', args: 'get pod lines two', until: /lines +0\/1 +Completed[\s\S]*two +0\/1 +Completed/ },
    { name: 'logs', args: 'logs lines' },
    { name: 'logs tail', args: 'logs lines --tail=1' },
    { name: 'logs container', args: 'logs lines -c c --tail=1' },
    { name: 'logs unknown container', args: 'logs lines -c none' },
    { name: 'logs since', args: 'logs lines --since=1h' },
    { name: 'logs since long ago', args: 'logs lines --since-time=2100-01-01T00:00:00Z' },
    { name: 'logs limit', args: 'logs lines --limit-bytes=6' },
    { name: 'logs timestamps', args: 'logs lines --timestamps' },
    { name: 'logs prefix', args: 'logs lines --prefix --all-containers' },
    { name: 'logs selector', args: 'logs -l app=talkers,app!=none --tail=1 --prefix', only: /lines|two/, sorted: true },
    { name: 'logs follow', args: 'logs -f ever' },
    { name: 'logs previous', args: 'logs crash --previous', until: /./ },
    { name: 'logs previous none', args: 'logs lines --previous' },
    { name: 'logs missing', args: 'logs none' },
    { name: 'alive', args: 'run alive --image=example.invalid/x:1 --labels=app=talkers', silent: true },
    { name: 'running', args: 'get pod alive', until: /Running/ },
    { name: 'logs simulated', args: 'logs alive' },
    { name: 'exec', args: 'exec alive -- true' },
    { name: 'exec with input', args: 'exec -i alive -- cat' },
    { name: 'cp', args: 'cp alive:/etc/hosts hosts' },
    { name: 'attach', args: 'attach alive' },
    { name: 'port-forward', args: 'port-forward pod/alive :80' },
    { name: 'debug', args: 'debug lines --image=example.invalid/x:1 -c d', cut: () => '' },
    { name: 'end', args: 'delete pod -l app=talkers --now', sorted: true },
  ],
};
