import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findCycle, levels } from './graph.ts';

const graphs = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 15 })), { maxLength: 40 })
  .map((edges) => {
    const graph = new Map<string, string[]>();
    for (let i = 0; i < 16; i++) graph.set(`n${i}`, []);
    for (const [from, to] of edges) graph.get(`n${from}`)?.push(`n${to}`);
    return graph;
  });

describe('graph', () => {
  it('a found cycle is one: each of its steps is an edge, and it ends where it began', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const cycle = findCycle(graph);
        if (cycle === undefined) return;
        assert.equal(cycle[0], cycle.at(-1));
        for (let i = 0; i + 1 < cycle.length; i++)
          assert.ok(graph.get(cycle[i] as string)?.includes(cycle[i + 1] as string));
      }),
    );
  });

  it('either there is a cycle, or levels put every node after all that it comes after', () => {
    let acyclic = 0;
    fc.assert(
      fc.property(graphs, (graph) => {
        if (findCycle(graph) !== undefined) {
          assert.throws(() => levels(graph), /cycle/);
          return;
        }
        acyclic++;
        const level = new Map(levels(graph).flatMap((layer, index) => layer.map((node) => [node, index] as const)));
        assert.equal(level.size, graph.size);
        for (const [node, earlier] of graph) {
          for (const other of earlier) assert.ok((level.get(other) as number) < (level.get(node) as number));
        }
      }),
      { seed: 7, numRuns: 300 },
    );
    assert.ok(acyclic > 10, 'the property was tried on acyclic graphs too');
  });

  it('ignores edges to nodes that are not in the graph', () => {
    assert.deepEqual(levels(new Map([['a', ['elsewhere']]])), [['a']]);
  });
});
