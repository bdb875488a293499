/** A Channel in memory: two ends of one line, for tests and the simulation. */
import { type Clock, type Json, limits } from '../base/index.ts';
import { type Channel, createMailbox, type Mailbox } from './channel.ts';

export interface MemoryLine {
  readonly hub: Channel;
  readonly agent: Channel;
  /** While cut, nothing arrives and neither end notices; what was sent arrives after the line is whole again. */
  cut(): void;
  heal(): void;
}

/** Messages arrive `delayMs` after they were sent, in order; copied, as over a wire. */
export function memoryLine(clock: Clock, delayMs = 0): MemoryLine {
  const hub = createMailbox();
  const agent = createMailbox();
  let isCut = false;
  const held: (() => void)[] = [];

  function carry(run: () => void): void {
    clock.after(delayMs, () => (isCut ? held.push(run) : run()));
  }
  function end(own: Mailbox, other: Mailbox): Channel {
    return {
      send(message) {
        if (own.isClosed) return 'closed';
        const text = JSON.stringify(message);
        if (Buffer.byteLength(text) > limits.protocolMessageBytesMax) return 'tooLarge';
        carry(() => other.deliver(JSON.parse(text) as Json));
        return 'queued';
      },
      onMessage: own.onMessage,
      onClose: own.onClose,
      close(reason) {
        own.closed(reason);
        carry(() => other.closed(reason));
      },
    };
  }
  return {
    hub: end(hub, agent),
    agent: end(agent, hub),
    cut() {
      isCut = true;
    },
    heal() {
      isCut = false;
      for (const run of held.splice(0)) run();
    },
  };
}
