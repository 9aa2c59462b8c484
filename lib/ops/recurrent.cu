// Launches: 2 a step each way (cell_walk.cuh). The sentences that are still read are the first rows of each step, so a
// product and a kernel always have whole blocks of them.
#include "ops/recurrent.h"

#include "ops/cell_walk.cuh"

namespace storm::cuda {

namespace {

void forward(const Execution& run, const Node& node, Context& context) {
  CellWalk walk(run, node, node.attributes<CellAttributes>(), context, false);
  for (int64_t t = 0; t < walk.steps.count(); ++t) walk.advance(t);
}

void backward(const Execution& run, const Node& node, Context& context) {
  CellWalk walk(run, node, node.attributes<CellAttributes>(), context, true);
  for (int64_t t = walk.steps.count(); t-- > 0;) walk.retreat(t);
  walk.finish();
}

const Kernels kRecurrent{"recurrent", forward, backward};

}  // namespace

}  // namespace storm::cuda
