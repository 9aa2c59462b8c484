// Runs a planned graph on the CPU. What an op's forward and backward get to see of it, on the CPU and on a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/random.h"
#include "tensor/graph.h"
#include "tensor/plan.h"

namespace storm {

// Where a device has what a graph knows by addresses of the host: of each value, its data and, of a parameter, its
// gradient; null for what lies in the arena.
struct Places {
  std::vector<void*> data;
  std::vector<float*> gradient;
  const uint32_t* batch = nullptr;  // the batch's number
};

class Execution {
 public:
  // arena: plan.bytes of memory, aligned to 64. seed and batch key the random numbers: the same batch number gives
  // the same dropout masks in forward and in backward.
  // places: of a device, whose memory the arena is, too.
  Execution(const Graph& graph, const Plan& plan, std::byte* arena, uint64_t seed = 0, uint64_t batch = 0,
            const Places* places = nullptr)
      : graph_(graph), plan_(plan), arena_(arena), philox_{seed}, batch_(batch), places_(places) {}

  const Graph& graph() const { return graph_; }
  // Whether backward has work at this node: someone asks for its outputs' gradients.
  bool backpropagates(const Node& node) const;

  void forward() const {  // every node, in order
    for (const Node& node : graph_.nodes()) forward(node);
  }
  // Every node that has a gradient to pass on, in reverse; after(node), where it is given, is called behind each node.
  void backward(const std::function<void(const Node&)>& after = {}) const {
    const auto nodes = graph_.nodes();
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      if (backpropagates(*node)) backward(*node);
      if (after) after(*node);
    }
  }
  // One node of them. Tests link these two in an execution of their own.
  void forward(const Node& node) const;
  void backward(const Node& node) const;

  Shape shape(Value v) const { return graph_.shape(v); }

  // The memory of a value. A constant must not be written to.
  template <class T = float>
  T* data(Value v) const {
    const auto i = static_cast<std::size_t>(v.id);
    if (void* external = places_ ? places_->data[i] : graph_[v].data) return static_cast<T*>(external);
    return place<T>(plan_.data[i]);
  }
  template <class T = float>
  T* data_or_null(Value v) const {
    return v ? data<T>(v) : nullptr;
  }

  // Where the gradient of a value lies; null when none is wanted (an input) or none came (an output nobody used).
  // backward may overwrite the gradients of its own outputs, and the data of those that it keeps and that are no
  // results: nobody reads them afterwards.
  float* gradient(Value v) const;
  // The row of a value, or a vector's number, that its gradient begins at.
  int64_t frozen(Value v) const { return v ? graph_[v].frozen : 0; }
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

  // Random numbers by counter: (batch, node, row, column). See ops/dropout_stream.h for how masks are cut from them.
  const Philox& philox() const { return philox_; }
  uint64_t batch() const { return batch_; }
  // Where a device has its low half; null on the CPU.
  const uint32_t* batch_at() const { return places_ ? places_->batch : nullptr; }

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
  const Places* places_;
};

}  // namespace storm
