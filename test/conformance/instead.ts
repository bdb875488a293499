/** What embedded clusters knowingly do not serve (docs/embedded-clusters.md, "What is not"): each is said, not pretended. */
import assert from 'node:assert/strict';
import { accepted } from './caller.ts';
import type { Cases } from './suite.ts';

export const INSTEAD_ON_EMBEDDED: Cases = {
  async 'admission: a namespace that enforces the restricted standard takes no other pods'(t) {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const answer = await t.patch(t.global('namespaces', t.namespace), 'merge', { metadata: { labels } });
    accepted(answer, 200);
    assert.deepEqual(answer.warnings, [
      'an embedded cluster does not enforce pod security standards: pod-security.kubernetes.io/enforce has no effect here',
    ]);
  },
  async 'admission: a policy in CEL denies in its own words'(t) {
    const base = 'admissionregistration.k8s.io/v1';
    const binding = {
      apiVersion: base,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: t.own },
      spec: { policyName: t.own, validationActions: ['Deny'] },
    };
    const answer = await t.post(t.global(`${base}/validatingadmissionpolicybindings`), binding, { dryRun: 'All' });
    accepted(answer, 201);
    assert.deepEqual(answer.warnings, [
      'an embedded cluster does not ask admission policies: this ValidatingAdmissionPolicyBinding has no effect here',
    ]);
  },
};
