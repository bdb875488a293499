export { createApp } from './app.ts';
export type { Role, TokenView } from './contract/index.ts';
export type { AvailabilityPort, Services, SimPort } from './services.ts';
export { createTokens, type Tokens } from './tokens.ts';
