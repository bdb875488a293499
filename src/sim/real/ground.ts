/** What a real cluster stands on for as long as it is open, crashed or not: its control plane, its webhook and the way out of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger, Random } from '../../base/index.ts';
import { openPki, type Pki } from '../api/pki.ts';
import { startControlPlane } from './control-plane.ts';
import type { SimulatedNode } from './nodes.ts';
import type { Binaries, ControlPlane } from './types.ts';
import { egressSelector, startWayOut, wayOutClient } from './way-out.ts';
import { startWebhook } from './webhook.ts';

export interface GroundOptions {
  readonly name: string;
  readonly folder: string;
  readonly binaries: Binaries;
  readonly ports: { readonly webhook: number; readonly wayOut: number };
  readonly simulatedNodes: readonly SimulatedNode[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface Ground {
  readonly controlPlane: ControlPlane;
  readonly pki: Pki;
  /** As whom the API server asks kubelets. */
  readonly kubeletClientPem: string;
  close(): Promise<void>;
}

export async function startGround(options: GroundOptions): Promise<Ground> {
  const { name, binaries, ports, simulatedNodes, clock, random, logger } = options;
  const folder = join(options.folder, 'control-plane');
  // the same authority that the control plane finds there: whoever trusts the cluster trusts the webhook
  const pkiFolder = join(folder, 'pki');
  const pki = await openPki(name, pkiFolder, clock, random);
  const kubeletClient = await pki.issue(KUBELET_CLIENT, `CN=kube-apiserver-${KUBELET_CLIENT}`, 'client');
  const wayOut = await startWayOut(ports.wayOut, pki, (await wayOutClient(pki)).certPem);
  const webhook = await startWebhook(ports.webhook, pki.server);
  const close = async () => {
    await Promise.all([webhook.close(), wayOut.close()]);
  };
  const egressFile = join(folder, 'egress.json');
  writeFileSync(egressFile, egressSelector(ports.wayOut, pkiFolder));
  try {
    const controlPlane = await startControlPlane({
      name,
      folder,
      binaries,
      simulatedNodes,
      unsafeNoFsync: true, // a power cut may cost a local cluster its state; a kill does not
      apiServerFlags: [`--egress-selector-config-file=${egressFile}`, ...asClientOfKubelets(pkiFolder)],
      clock,
      logger,
    });
    return {
      controlPlane,
      pki,
      kubeletClientPem: kubeletClient.certPem,
      async close() {
        await controlPlane.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const KUBELET_CLIENT = 'kubelet-client';

/** Our kubelet answers only who shows this certificate, and shows one of the cluster itself. */
function asClientOfKubelets(pkiFolder: string): readonly string[] {
  return [
    `--kubelet-certificate-authority=${join(pkiFolder, 'ca.crt')}`,
    `--kubelet-client-certificate=${join(pkiFolder, `${KUBELET_CLIENT}.crt`)}`,
    `--kubelet-client-key=${join(pkiFolder, `${KUBELET_CLIENT}.key`)}`,
  ];
}
