#include "tensor/execution.h"

namespace storm {

void Execution::forward() const {
  for (const Node& node : graph_.nodes()) node.op->forward(*this, node);
}

void Execution::backward() const {
  const auto nodes = graph_.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it)
    if (backpropagates(*it)) it->op->backward(*this, *it);
}

}  // namespace storm
