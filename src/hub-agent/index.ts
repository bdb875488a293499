export { clusterProjector } from './hub/entries.ts';
export { createHubLink, type HubLink, type HubLinkOptions, type HubSignals } from './hub/index.ts';
export type { ClusterRecord, Enrolled, Held, HubDoor, JoinToken, Registry, StoredIdentity } from './types.ts';
