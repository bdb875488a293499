export { contextPath, type HubContext, saveContext } from './context-file.ts';
export { exit } from './failure.ts';
export type { Io } from './io.ts';
export type {
  AgentOptions,
  DemoOptions,
  DevOptions,
  HealthTimings,
  HubOptions,
  JoinOptions,
  Launchers,
} from './launchers.ts';
export { processIo } from './process-io.ts';
export { createProgram, type ProgramPorts, run } from './program.ts';
