/** Both sides, for who needs both; a process of one side enters by `agent/index.ts` or `hub/index.ts`. */
export {
  type Agent,
  type AgentOptions,
  apiServerProbe,
  clientAs,
  createAgent,
  networkDoor,
  type ProbeAnswer,
  type ProbeTarget,
  type ServiceProbe,
} from './agent/index.ts';
export {
  AWAITED_REPORTS,
  type Certifier,
  clusterProjector,
  createHubLink,
  createHubRoom,
  driftsOf,
  HELD_REPORTS,
  type HeldReport,
  type HubLink,
  type HubLinkOptions,
  type HubRoom,
  type HubRoomOptions,
  type HubSignals,
  nobodyJoins,
} from './hub/index.ts';
export { AGENT_ACCOUNT, type AgentManifestsOptions, agentManifests } from './manifests/index.ts';
export type { ClusterRecord, Enrolled, Held, HubDoor, JoinToken, Left, Registry, StoredIdentity } from './types.ts';
