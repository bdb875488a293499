export {
  type Access,
  createAccess,
  type Right,
  roleRuleOf,
} from './access.ts';
export { isImmutable, type Verdict, verdictOf } from './answers.ts';
export type { Authentication, TokenSource } from './authentication.ts';
export { clientOver, connect } from './client.ts';
export { containerTrouble } from './containers.ts';
export type { Credentials } from './credentials.ts';
export { createDiscovery, type Discovery, type KindLookup } from './discovery.ts';
export { eventOf } from './events.ts';
export { createLineMask } from './line-mask.ts';
export { createMask, MASKED, type Mask, maskedLine, secretTexts } from './masking.ts';
export { descendantsByName } from './names.ts';
export { contentDigest, normalize, normalizedDigest, normalizeOwners } from './normalize.ts';
export { applyOrder, deleteOrder, isGround, isStateful, judgesOthers, kindRank, rankGroups, sameRef } from './order.ts';
export { mayHavePods, ownedBy, type Pods, podsOf } from './owners.ts';
export { collectionPath, groupVersionPath, objectPath } from './paths.ts';
export { boundReasons, shortReason, withShortReason } from './reason-size.ts';
export { type ReasonSource, reasonOf } from './reasons.ts';
export { createSlots, type Slots } from './slots.ts';
export { type Judge, judgeOf } from './status/health.ts';
export { statusOf } from './status/index.ts';
export type {
  ApiAnswer,
  ApiRequest,
  Client,
  ContainerTrouble,
  KindInfo,
  Method,
  ObjectStatus,
  Reason,
  ReasonEvent,
  StatusKind,
  Surroundings,
  WatchEnd,
  WatchEvent,
} from './types.ts';
export { listAll, type WatchHandlers, type WatchTarget, watchLoop } from './watch.ts';
