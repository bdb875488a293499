export type { Channel, Sent } from './channel.ts';
export { type MemoryLine, memoryLine } from './channel-memory.ts';
export { SOCKET_OPTIONS, socketChannel } from './channel-socket.ts';
export { createMemoryLink, type Executor, type MemoryLink } from './link-memory.ts';
export type {
  AgentMessage,
  Blob,
  Capacity,
  Command,
  CommandBody,
  CommandOutput,
  Difference,
  DriftChange,
  HubMessage,
  ObjectReceipt,
  Observation,
  Remaining,
  Sealed,
  StreamItem,
  StreamRequest,
} from './messages.ts';
export {
  agentMessageSchema,
  blobSchema,
  commandOutputSchema,
  commandSchema,
  hubMessageSchema,
  PROTOCOL_VERSION,
  VERIFY_READY_MS_MAX,
} from './messages.ts';
export { createSealKey, type SealKey, seal, sealJson, sealKeyFromPem } from './seal.ts';
export type { AgentLink, AgentStreams, HeldLocation, LinkChange, StreamEnd } from './types.ts';
