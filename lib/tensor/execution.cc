#include "tensor/execution.h"

#include <algorithm>

namespace storm {

void Execution::forward() const {
  for (const Node& node : graph_.nodes()) node.op->forward(*this, node);
}

void Execution::backward() const {
  const auto nodes = graph_.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it)
    if (graph_.backpropagates(*it) &&
        std::any_of(it->outputs.begin(), it->outputs.end(), [&](Value v) { return gradient(v) != nullptr; }))
      it->op->backward(*this, *it);
}

float* Execution::gradient(Value v) const {
  if (!v) return nullptr;
  const ValueInfo& info = graph_[v];
  if (!info.needs_gradient) return nullptr;
  if (info.origin == Origin::parameter) return info.gradient;
  const auto at = plan_.gradient[static_cast<std::size_t>(v.id)];
  return at == Plan::kNone ? nullptr : reinterpret_cast<float*>(arena_ + at);
}

}  // namespace storm
