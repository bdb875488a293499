import type { Filter } from './filter.ts';

/** The CEL expressions of the selectors. One that cannot be compiled or evaluated refuses: a rule in doubt never lets pass. */
export const cel: Filter = {
  name: 'cel',
  check(subject, fleet) {
    const texts = subject.selectors.flatMap((selector) => (selector.cel === undefined ? [] : [selector.cel]));
    if (texts.length === 0) return undefined;
    const programs = texts.map((text) => ({
      text,
      program: subject.compile?.(text) ?? { kind: 'invalid' as const, message: 'this hub evaluates no CEL' },
    }));
    const failure = (index: number): string | undefined => {
      const cluster = fleet.clusters[index];
      for (const { text, program } of programs) {
        if (program.kind === 'invalid') return `the expression ${text} cannot be used: ${program.message}`;
        const answer = cluster === undefined ? false : program.holds(cluster);
        if (answer === false) return `the expression ${text} is false`;
        if (answer !== true) return `the expression ${text} fails: ${answer.error}`;
      }
      return undefined;
    };
    return { refuses: (index) => failure(index) !== undefined, why: (index) => failure(index) ?? '' };
  },
};
