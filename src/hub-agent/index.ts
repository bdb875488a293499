export { type Agent, type AgentOptions, createAgent } from './agent/agent.ts';
export { networkDoor } from './agent/door.ts';
export { clientAs } from './agent/identities.ts';
export { apiServerProbe, type ProbeAnswer, type ProbeTarget, type ServiceProbe } from './agent/probe.ts';
export { clusterProjector } from './hub/entries.ts';
export { createHubLink, type HubLink, type HubLinkOptions, type HubSignals } from './hub/index.ts';
export { AWAITED_REPORTS, HELD_REPORTS, type HeldReport } from './hub/reports.ts';
export { AGENT_ACCOUNT, type AgentManifestsOptions, agentManifests } from './manifests/manifests.ts';
export type { ClusterRecord, Enrolled, Held, HubDoor, JoinToken, Registry, StoredIdentity } from './types.ts';
