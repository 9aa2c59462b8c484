// Where gradients lie: apart from execution.cc, in whose place tests link their own forward and backward.
#include <algorithm>

#include "tensor/execution.h"

namespace storm {

bool Execution::backpropagates(const Node& node) const {
  return graph_.backpropagates(node) &&
         std::any_of(node.outputs.begin(), node.outputs.end(), [&](Value v) { return gradient(v) != nullptr; });
}

float* Execution::gradient(Value v) const {
  if (!v) return nullptr;
  const ValueInfo& info = graph_[v];
  if (!info.needs_gradient) return nullptr;
  if (info.origin == Origin::parameter)
    return places_ ? places_->gradient[static_cast<std::size_t>(v.id)] : info.gradient;
  const auto at = plan_.gradient[static_cast<std::size_t>(v.id)];
  return at == Plan::kNone ? nullptr : reinterpret_cast<float*>(arena_ + at);
}

}  // namespace storm
