/** A limit on everything, named with its unit. DESIGN §3. */
export const limits = {
  stackDocumentBytesMax: 10 * 1024 * 1024,
  stackUploadBytesMax: 32 * 1024 * 1024,
  stackObjectsMax: 10_000,
  stackFunctionsMax: 500,
  /** What an object may become by overrides; API servers take no larger ones. */
  stackObjectBytesMax: 2 * 1024 * 1024,
  yamlAliasesMax: 100,
  yamlDepthMax: 64,
  journalEntryBytesMax: 65_535,
  journalBatchEntriesMax: 1_000,
  protocolMessageBytesMax: 8 * 1024 * 1024,
  protocolQueueMessagesMax: 10_000,
  /** Most of them only wait: for readiness, or for one of the clusterRequestsAtOnceMax. */
  agentCommandsAtOnceMax: 512,
  /** Answers that an agent keeps for a hub that asks again: in memory, and (the newest) from one agent to the next. */
  agentOutcomesMax: 1_000,
  agentOutcomesBytesMax: 512 * 1024,
  agentOutcomesStoredBytesMax: 64 * 1024,
  /** Ids of commands that have ended, by which one that was begun before is known again. */
  agentEndedMarksMax: 256,
  clusterRequestsAtOnceMax: 16,
  clustersMax: 10_000,
  stepTimeoutMsMax: 24 * 3_600_000,
  stepAttemptsMax: 8,
  /** Transactions that write their next entries at one moment; the others wait, tenant by tenant. */
  turnsAtOnceMax: 8,
  retryFirstMs: 200,
  retryMsMax: 30_000,
  /**
   * A cluster that answers nothing but "later": so long until one try of an undo, or of what comes after the decision, has
   * failed. Doubled with each failure up to the second; stepAttemptsMax of them take a quarter of an hour, then it is stuck.
   */
  laterFirstMs: 5_000,
  laterMsMax: 300_000,
  /** The same where nothing runs yet and no deadline counts: then the transaction is undone. */
  laterPreparingMsMax: 300_000,
  /** Fields, items and pieces of text that one evaluation of a CEL expression may read. */
  expressionReadsMax: 100_000,
  logLinesMax: 20,
  logLineBytesMax: 500,
  eventsPerReasonMax: 10,
  /** Why one location is not well, as its agent sends it. */
  locationReasonsBytesMax: 48 * 1024,
  /** All reasons that a hub keeps of all clusters; the oldest go first, and are asked for anew when somebody looks. */
  hubReasonsBytesMax: 64 * 1024 * 1024,
  /** What one call answers of why a stack is not well. */
  reasonsAnswerBytesMax: 2 * 1024 * 1024,
  /** What is named of a cluster that leaves, because it could not be taken away. */
  leaveRemainsMax: 200,
  /** Of one drift: fields that are told, and bytes of each value. */
  driftChangesMax: 20,
  driftValueBytesMax: 256,
  /** Drifts that an agent keeps until its hub has journaled them. */
  agentDriftsKeptMax: 200,
  agentDriftsKeptBytesMax: 128 * 1024,
  /** Drifts of one cluster that are journaled in a minute; what is beyond is counted. */
  clusterDriftsPerMinuteMax: 600,
  /** Streams (logs, events) of one cluster at once, and of a hub. */
  clusterStreamsMax: 32,
  hubStreamsMax: 500,
  /** What an agent sends of one stream ahead of who reads it. */
  streamWindowBytes: 256 * 1024,
  /** Of all streams of one cluster together. */
  streamsBytesPerSecondMax: 4 * 1024 * 1024,
  streamLineCharactersMax: 8 * 1024,
  /** Containers that one stream of logs follows at once in a cluster. */
  streamContainersMax: 50,
  pageItemsMax: 500,
  joinTokenTtlMsMax: 24 * 3_600_000,
} as const;
