// Plans a graph and runs it node by node in an arena full of NaN: an op must not count on a clean one, and no node may
// write anywhere in it but where it is asked to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "tensor/execution.h"
#include "tensor/plan.h"
#include "tests/catch.h"

namespace storm::test {

class Once {
  static constexpr std::size_t kZone = 128;  // bytes before and behind each place that are nobody's

 public:
  explicit Once(const Graph& graph, uint64_t seed = 0, uint64_t batch = 0)
      : graph_(graph),
        plan_(make_plan(graph, kZone)),
        memory_(kZone + plan_.bytes),
        run(graph, plan_, memory_.data() + kZone, seed, batch) {
    // Signalling ones, whose bits change when something is computed of one and written back.
    std::ranges::fill(memory_.as<uint32_t>(), 0xffa0ffa0u);
  }
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  // As the execution's, each node looked at.
  void forward() const {
    for (const Node& node : graph_.nodes()) check(node, false);
  }
  void backward() const {
    const auto nodes = graph_.nodes();
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
      if (run.backpropagates(*node)) check(*node, true);
  }

  // Runs one node. What it wrote outside of its outputs, the gradients that it gives, and its scratch: "" is nothing.
  std::string strays(const Node& node, bool backward) const {
    std::vector<std::byte> before(memory_.data(), memory_.data() + memory_.size());
    backward ? run.backward(node) : run.forward(node);
    const auto may_write = [&](const void* at, std::size_t bytes) {
      const auto* from = static_cast<const std::byte*>(at);
      if (from >= memory_.data() && from < memory_.data() + memory_.size())
        std::memcpy(before.data() + (from - memory_.data()), from, bytes);
    };
    const auto bytes = [&](Value v) {
      return static_cast<std::size_t>(graph_.shape(v).size()) * byte_size(graph_[v].dtype);
    };
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      if (const Value v = node.outputs[i]) {
        if (backward) may_write(run.gradient(v), bytes(v));
        if (!backward || ((node.keep_outputs >> i & 1) && !graph_[v].result)) may_write(run.data<void>(v), bytes(v));
      }
    if (backward || node.op->gradient_in_forward)
      for (const Value v : node.inputs)
        if (v) may_write(run.gradient(v), bytes(v));
    may_write(backward ? run.scratch_backward(node) : run.scratch_forward(node),
              backward ? node.scratch_backward : node.scratch_forward);
    const auto at = std::mismatch(before.begin(), before.end(), memory_.data()).first;
    return at == before.end() ? ""
                              : str(node.op->name, backward ? " backward" : " forward", " writes at byte ",
                                    at - before.begin() - static_cast<std::ptrdiff_t>(kZone),
                                    " of the arena, where it has no business");
  }

 private:
  void check(const Node& node, bool backward) const {
    const auto found = strays(node, backward);  // not inside CHECK, which keeps what an op throws
    CHECK(found == "");
  }

  const Graph& graph_;
  Plan plan_;
  Buffer memory_;

 public:
  const Execution run;
};

}  // namespace storm::test
