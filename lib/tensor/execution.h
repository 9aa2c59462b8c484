// Runs a planned graph on the CPU. What an op's forward and backward get to see of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/random.h"
#include "tensor/graph.h"
#include "tensor/plan.h"

namespace storm {

class Execution {
 public:
  // arena: plan.bytes of memory, aligned to 64. seed and batch key the random numbers: the same batch number gives
  // the same dropout masks in forward and in backward.
  Execution(const Graph& graph, const Plan& plan, std::byte* arena, uint64_t seed = 0, uint64_t batch = 0)
      : graph_(graph), plan_(plan), arena_(arena), philox_{seed}, batch_(batch) {}

  void forward() const;   // every node, in order
  void backward() const;  // every node that has a gradient to pass on, in reverse

  Shape shape(Value v) const { return graph_.shape(v); }

  // The memory of a value. A constant must not be written to.
  template <class T = float>
  T* data(Value v) const {
    const ValueInfo& info = graph_[v];
    if (info.data) return static_cast<T*>(info.data);
    return place<T>(plan_.data[static_cast<std::size_t>(v.id)]);
  }
  template <class T = float>
  T* data_or_null(Value v) const {
    return v ? data<T>(v) : nullptr;
  }

  // Where the gradient of a value lies; null when none is wanted (an input) or none came (an output nobody used).
  // backward may overwrite the gradient of its own outputs: nobody reads it afterwards.
  float* gradient(Value v) const;
  // 1 when backward must add to the gradient of input i (another use was there first, or it is a parameter), 0 when it
  // must overwrite what is there: the beta of a matrix product.
  float beta(const Node& node, std::size_t input) const {
    return static_cast<float>(plan_.accumulate[static_cast<std::size_t>(node.number)] >> input & 1);
  }

  // Null where the node asked for no bytes.
  template <class T = float>
  T* scratch_forward(const Node& node) const {
    return place<T>(plan_.scratch[static_cast<std::size_t>(node.number)]);
  }
  template <class T = float>
  T* scratch_backward(const Node& node) const {
    return place<T>(plan_.scratch[graph_.nodes().size() + static_cast<std::size_t>(node.number)]);
  }

  bool gradients() const { return graph_.gradients(); }

  // Random numbers by counter: (batch, node, row, column). See ops/dropout.h for how masks are cut from them.
  const Philox& philox() const { return philox_; }
  uint64_t batch() const { return batch_; }

 private:
  template <class T>
  T* place(std::size_t offset) const {
    return offset == Plan::kNone ? nullptr : reinterpret_cast<T*>(arena_ + offset);
  }

  const Graph& graph_;
  const Plan& plan_;
  std::byte* arena_;
  Philox philox_;
  uint64_t batch_;
};

}  // namespace storm
