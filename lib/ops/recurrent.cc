#include "ops/recurrent.h"

namespace storm {

namespace {

void forward(const Execution& run, const Node& node) {
  CellWalk walk(run, node, node.attributes<CellAttributes>(), false);
  for (int64_t t = 0; t < walk.steps.count(); ++t) walk.advance(t);
}

void backward(const Execution& run, const Node& node) {
  CellWalk walk(run, node, node.attributes<CellAttributes>(), true);
  for (int64_t t = walk.steps.count(); t-- > 0;) walk.retreat(t);
  walk.finish();
}

constexpr Op kRecurrent{.name = "recurrent", .forward = forward, .backward = backward, .packed_weights = true};

}  // namespace

RecurrentStates recurrent(Graph& graph, const CellInput& in) {
  CellWalk::check(graph, in, kRecurrent.name);
  Node node = CellWalk::node_of(kRecurrent, in);
  node.scratch_forward = CellWalk::forward_floats(graph, in) * sizeof(float);
  node.scratch_backward = CellWalk::backward_floats(graph, in) * sizeof(float);
  const auto [gates, states, extra] = CellWalk::outputs_of(graph, in);
  const Value first = graph.record(node, {{gates}, {states}, {extra}}, CellAttributes{in.cell, in.reverse, in.dropout});
  const auto& outputs = graph.producer(first).outputs;
  return {outputs[1], in.cell == Cell::lstm ? outputs[2] : Value{}};
}

}  // namespace storm
