import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { exit, usage } from '../failure.ts';

interface InitFlags {
  readonly name: string;
  readonly namespace?: string;
}

/** Writes a stack that can be applied as it is; never over a file that is there. */
export function registerInit(program: Command, cli: Cli): void {
  program
    .command('init')
    .argument('[folder]', 'where to write it', '.')
    .summary('write a first stack')
    .description('Writes a first stack with one function, ready to be applied and changed. Never writes over a file.')
    .option('--name <name>', 'name of the stack', 'hello')
    .option('--namespace <name>', 'namespace of its objects (default: the name)')
    .option('-y, --yes', 'accepted; nothing is asked')
    .addHelpText('after', example('ldc init hello --name hello && ldc apply -f hello'))
    .action(action<InitFlags>(cli, (flags, [folder]) => init(cli, flags, folder ?? '.')));
}

async function init({ io }: Cli, { name, namespace = name }: InitFlags, folder: string): Promise<number> {
  for (const given of [name, namespace])
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(given))
      throw usage(`${given} is no name`, 'a-z, 0-9 and "-", such as hello');
  const root = resolve(io.cwd, folder);
  const files = { 'stack.yaml': stackText(name, namespace), [`${name}/${name}.yaml`]: manifestText(name) };
  for (const path of Object.keys(files))
    if ((await io.files.kind(join(root, path))) !== undefined)
      throw usage(`${join(folder, path)} is there already`, 'choose another folder, or remove it');
  for (const [path, text] of Object.entries(files)) {
    await io.files.write(join(root, path), text);
    io.out.write(`wrote ${join(folder, path)}\n`);
  }
  io.out.write(`next: ldc validate -f ${folder} && ldc apply -f ${folder}\n`);
  return exit.done;
}

function stackText(name: string, namespace: string): string {
  return `apiVersion: ldc.dev/v1
kind: Stack
metadata:
  name: ${name}
spec:
  namespace: ${namespace}
  functions:
    - name: ${name}
      manifests: [./${name}]
      availability:
        # at least this many clusters serve it; a lost one is replaced
        locations: { min: 2, max: 2, spread: region }
      health:
        http: { service: ${name}, path: /healthz }
  rollout:
    # one cluster first, then the rest
    waves: [1, 100%]
`;
}

function manifestText(name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 2
  selector:
    matchLabels: { app: ${name} }
  template:
    metadata:
      labels: { app: ${name} }
    spec:
      containers:
        - name: ${name}
          # runs on the embedded clusters of \`ldc dev\`; put your own image here
          image: ldc.dev/http:1
          env:
            - { name: NAME, value: ${name} }
            - { name: PORT, value: "8080" }
          ports:
            - containerPort: 8080
          readinessProbe:
            httpGet: { path: /healthz, port: 8080 }
          resources:
            requests: { cpu: 50m, memory: 64Mi }
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  selector: { app: ${name} }
  ports:
    - port: 80
      targetPort: 8080
`;
}
