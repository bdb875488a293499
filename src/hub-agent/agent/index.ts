/** The agent's side alone: an agent's process loads nothing of a hub, nor a hub's anything of the agent. */
export type { AgentOptions } from './agent.ts';
export { readClusterUid } from './cluster-uid.ts';
export { networkDoor } from './door.ts';
export { clientAs } from './identities.ts';
export { type Agent, createAgent } from './life.ts';
export { apiServerProbe, type ProbeAnswer, type ProbeTarget, type ServiceProbe } from './probe.ts';
