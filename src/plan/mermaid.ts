import type { Plan, Step } from './types.ts';

const STEPS_MAX = 150;

/** The plan as a Mermaid flowchart: phases and waves as boxes. A plan of many steps shows one node per action and wave. */
export function planMermaid(plan: Plan): string {
  const nodes = plan.steps.length > STEPS_MAX ? summarized(plan.steps) : plan.steps.map(nodeOf);
  const numbers = new Map(nodes.map((node, index) => [node.id, `n${index}`]));
  const boxes = Map.groupBy(nodes, (node) => node.box);
  const lines = ['flowchart LR'];
  for (const [index, [box, own]] of [...boxes].entries()) {
    lines.push(`  subgraph b${index}["${box}"]`);
    for (const node of own) lines.push(`    ${numbers.get(node.id)}["${node.label}"]`);
    lines.push('  end');
  }
  for (const node of nodes) {
    for (const earlier of node.after) {
      const from = numbers.get(earlier);
      if (from !== undefined) lines.push(`  ${from} --> ${numbers.get(node.id)}`);
    }
  }
  const order = [...boxes.keys()];
  for (let i = 1; i < order.length; i++) lines.push(`  b${i - 1} ==> b${i}`);
  return lines.join('\n');
}

interface ShownNode {
  readonly id: string;
  readonly label: string;
  readonly box: string;
  readonly after: readonly string[];
}

function nodeOf(step: Step): ShownNode {
  return { id: step.id, label: step.id.replaceAll('"', "'"), box: boxOf(step), after: step.after };
}

function boxOf(step: Step): string {
  return step.wave === undefined ? step.phase : `wave ${step.wave + 1}`;
}

function summarized(steps: readonly Step[]): readonly ShownNode[] {
  const keyOf = (step: Step) => `${boxOf(step)}/${step.work.action}`;
  const keys = new Map(steps.map((step) => [step.id, keyOf(step)]));
  return [...Map.groupBy(steps, keyOf)].map(([key, own]) => {
    const first = own[0] as Step;
    const earlier = own.flatMap((step) => step.after.map((id) => keys.get(id) ?? ''));
    const after = [...new Set(earlier)].filter((other) => other !== key && other !== '');
    return { id: key, label: `${first.work.action} × ${own.length}`, box: boxOf(first), after };
  });
}
