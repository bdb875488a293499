export type {
  AgentMessage,
  Blob,
  Capacity,
  Command,
  CommandBody,
  CommandOutput,
  Difference,
  HubMessage,
  ObjectReceipt,
  Observation,
  Sealed,
} from './messages.ts';
export {
  agentMessageSchema,
  blobSchema,
  commandOutputSchema,
  commandSchema,
  hubMessageSchema,
  PROTOCOL_VERSION,
} from './messages.ts';
export type { AgentLink, HeldLocation, LinkChange } from './types.ts';
