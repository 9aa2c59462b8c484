#include "tensor/graph.h"

#include <algorithm>

#include "base/error.h"

namespace storm {

Value Graph::add(ValueInfo info) {
  values_.push_back(info);
  return {static_cast<int32_t>(values_.size()) - 1};
}

Value Graph::external(Shape shape, DType dtype, const void* data) {
  // Constants are never written: Execution hands them out as const only.
  return add({.shape = shape, .dtype = dtype, .origin = Origin::constant, .data = const_cast<void*>(data)});
}

Value Graph::parameter(Shape shape, const float* data, float* gradient, int64_t frozen, const PackedWeight* packed) {
  return add({.shape = shape,
              .origin = Origin::parameter,
              .needs_gradient = gradients_ && gradient != nullptr,
              .data = const_cast<float*>(data),
              .gradient = gradient,
              .frozen = frozen,
              .packed = packed});
}

Value Graph::append(Node& node, std::initializer_list<Output> outputs) {
  require(outputs.size() <= Node::kOutputs, node.op->name, ": too many outputs");
  node.number = static_cast<int32_t>(nodes_.size());
  for (const Value v : node.inputs)
    require(!v || !values_[index(v)].packed || values_[index(v)].data || node.op->packed_weights, "the op ",
            node.op->name, " takes no weights of int8 or bf16; take --precision f32 and a model of floats");
  bool needs = false;
  if (node.op->backward || node.op->gradient_in_forward)
    for (const Value v : node.inputs) {
      if (!v || !values_[index(v)].needs_gradient) continue;
      needs = true;
      require(values_[index(v)].frozen == 0 || node.op->frozen_rows, "the op ", node.op->name,
              " cannot train some rows of a parameter alone, as --train-new-rows asks; train all of them");
    }
  std::size_t i = 0;
  for (const Output& o : outputs) {
    const bool differentiable = o.dtype == DType::F32 && node.op->backward;
    node.outputs[i++] =
        add({.shape = o.shape, .dtype = o.dtype, .needs_gradient = needs && differentiable, .producer = node.number});
  }
  nodes_.push_back(node);
  return node.outputs[0];
}

bool Graph::backpropagates(const Node& node) const {
  if (!gradients_ || !node.op->backward) return false;
  return std::any_of(node.outputs.begin(), node.outputs.end(),
                     [&](Value v) { return v && values_[index(v)].needs_gradient; });
}

void Graph::place(Value v, void* data) {
  auto& info = values_[index(v)];
  require(info.origin == Origin::computed && !gradients_, "place: only a computed value of a graph without gradients");
  info.origin = Origin::placed;
  info.data = data;
}

void Graph::require_size(Shape shape, std::size_t size) {
  require(static_cast<std::size_t>(shape.size()) == size, "a constant of ", size, " elements is not of shape [",
          shape.rows, ", ", shape.cols, "]");
}

void Graph::clear() {
  owned_.clear();
  nodes_.clear();
  values_.clear();
}

}  // namespace storm
