export { AGENT_ACCOUNT, type AgentManifestsOptions, agentManifests } from './manifests.ts';
