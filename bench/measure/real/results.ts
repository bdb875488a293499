/** What was measured and what was not; a measure that fails takes no other with it. */
import { errorText } from '../../../src/base/index.ts';
import { rounded } from '../figures.ts';
import { againstTargets } from './targets.ts';

export const MEASURES = ['single', 'burst', 'baseline', 'status', 'drift', 'watched', 'idle', 'faults'] as const;
export type Measure = (typeof MEASURES)[number];

export function isMeasure(name: string): name is Measure {
  return (MEASURES as readonly string[]).includes(name);
}

export class Results {
  readonly #wanted: ReadonlySet<Measure>;
  readonly #figures: { [name: string]: unknown } = {};
  readonly #notMeasured: { [name: string]: string } = {};
  readonly #startedMs = performance.now();

  constructor(wanted: readonly Measure[]) {
    this.#wanted = new Set(wanted);
    for (const name of MEASURES) if (!this.#wanted.has(name)) this.#notMeasured[name] = 'was not asked for';
  }

  wants(...names: readonly Measure[]): boolean {
    return names.some((name) => this.#wanted.has(name));
  }
  /** Measures one thing and keeps its figures under `name`; undefined when it could not be measured. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    this.say(name);
    try {
      const figures = await work();
      this.#figures[name] = figures;
      return figures;
    } catch (error) {
      this.#notMeasured[name] = errorText(error);
      this.say(`${name}: NOT MEASURED: ${errorText(error)}`);
      return undefined;
    }
  }
  say(line: string): void {
    console.error(`${((performance.now() - this.#startedMs) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
  }
  figures(): object {
    const seconds = rounded((performance.now() - this.#startedMs) / 1_000);
    return { ...this.#figures, targets: againstTargets(this.#figures), notMeasured: this.#notMeasured, seconds };
  }
}
