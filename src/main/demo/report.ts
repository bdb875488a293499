/** What the demo claims, and the evidence: each line on screen that asserts something is one claim of the JSON report. */
import type { Json } from '../../base/index.ts';

export interface Claim {
  readonly claim: string;
  readonly ok: boolean;
  readonly measured?: Json;
  readonly unit?: string;
}

export interface Report {
  readonly ok: boolean;
  readonly seconds: number;
  readonly claims: readonly Claim[];
  readonly transactions: readonly Json[];
}

/** Where the story is told: standard output for people, nowhere when a program wants the report alone. */
export interface Screen {
  line(text?: string): void;
}

export class Claims {
  readonly #screen: Screen;
  readonly #claims: Claim[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Records and shows one claim; a false one does not stop the story, it fails the demo. */
  check(claim: string, ok: boolean, measured?: Json, unit?: string): void {
    this.#claims.push({
      claim,
      ok,
      ...(measured === undefined ? {} : { measured }),
      ...(unit === undefined ? {} : { unit }),
    });
    const figure =
      measured === undefined
        ? ''
        : `  ${typeof measured === 'string' ? measured : JSON.stringify(measured)}${unit === undefined ? '' : ` ${unit}`}`;
    this.#screen.line(`   ${ok ? '✔' : '✘'} ${claim}${figure}`);
  }

  report(seconds: number, transactions: readonly Json[]): Report {
    const ok = this.#claims.length > 0 && this.#claims.every((claim) => claim.ok);
    return { ok, seconds, claims: [...this.#claims], transactions };
  }
}
