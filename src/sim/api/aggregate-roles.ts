/** Cluster roles that gather others: their rules are those of every role that their selectors find, as the real controller keeps them. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import { type LabelSelector, matchesSelector } from '../kinds/index.ts';
import type { ApiDoor } from '../types.ts';
import type { Cluster } from './cluster.ts';

const CLUSTER_ROLES = 'clusterroles.rbac.authorization.k8s.io';
const MANAGER = 'clusterrole-aggregation-controller';

/** Gathers at once, and again after each change of a cluster role: roles that gather from gatherers come to rest by that. */
export function runRoleAggregation(cluster: Cluster, door: ApiDoor): void {
  const refresh = () => {
    for (const role of cluster.store.list(CLUSTER_ROLES)) {
      if (!isObject(role.aggregationRule)) continue;
      const rules = gathered(cluster, role);
      if (!jsonEqual((role.rules ?? []) as Json, rules)) door.update(CLUSTER_ROLES, { ...role, rules }, MANAGER);
    }
  };
  cluster.store.subscribe(CLUSTER_ROLES, refresh);
  refresh();
}

function gathered(cluster: Cluster, role: KubeObject): readonly Json[] {
  const others = [...cluster.store.list(CLUSTER_ROLES)]
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rules: Json[] = [];
  for (const selector of selectorsOf(role)) {
    for (const other of others.filter(({ metadata }) => matchesSelector(selector, metadata.labels ?? {}))) {
      for (const rule of listOf(other.rules)) if (!rules.some((known) => jsonEqual(known, rule))) rules.push(rule);
    }
  }
  return rules;
}

function selectorsOf(role: KubeObject): readonly LabelSelector[] {
  const aggregation = isObject(role.aggregationRule) ? role.aggregationRule : {};
  return listOf(aggregation.clusterRoleSelectors) as readonly LabelSelector[];
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
