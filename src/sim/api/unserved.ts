/** What an embedded cluster stores without acting on it, where a user could rely on its effect: said as a warning on each write. */
import type { KubeObject } from '../../base/index.ts';
import type { Call } from './cluster.ts';
import { qualified } from './status.ts';

const POD_SECURITY = 'pod-security.kubernetes.io/enforce';

const BINDINGS = 'validatingadmissionpolicybindings.admissionregistration.k8s.io';

export function warnOfNoEffect(call: Call, object: KubeObject): void {
  const resource = qualified(call.resource);
  if (resource === BINDINGS) {
    const kind = call.resource.kind;
    call.warn(`an embedded cluster does not ask admission policies: this ${kind} has no effect here`);
  }
  const level = resource === 'namespaces' ? object.metadata.labels?.[POD_SECURITY] : undefined;
  if (level !== undefined && level !== 'privileged') {
    call.warn(`an embedded cluster does not enforce pod security standards: ${POD_SECURITY} has no effect here`);
  }
}
