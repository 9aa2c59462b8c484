// What a graph's nodes take of the device beside the arena: for the planner of training's memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "tensor/graph.h"
#include "tensor/product_precision.h"

namespace storm::cuda {

// The Workspace (device_memory.h) grows by a quarter more than was asked for: logits, 256 MiB of them at most
// (ops/cross_entropy.cu), or pieces of 64 MiB; in half precision also the rounded operands, and the rounded weights of
// so many parameters.
inline std::size_t bytes_beside_arena(const Graph& graph, std::size_t parameters, ProductPrecision precision) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  std::size_t logits = 0, operands = 0;  // numbers; operands: the most that a node reads and makes, parameters aside
  for (const Node& node : graph.nodes()) {
    if (node.op->name == std::string_view("cross_entropy"))
      logits = std::max(logits,
                        static_cast<std::size_t>(graph.shape(node.inputs[0]).rows * graph.shape(node.inputs[1]).rows));
    std::size_t numbers = 0;
    const auto add = [&](Value v) {
      if (v && graph[v].origin != Origin::parameter) numbers += static_cast<std::size_t>(graph.shape(v).size());
    };
    std::ranges::for_each(node.inputs, add);
    std::ranges::for_each(node.outputs, add);
    operands = std::max(operands, numbers);
  }
  logits = std::min(logits, 64 * kMiB);
  const std::size_t exact = 96 * kMiB + logits * sizeof(float) / 4 * 5;
  const bool half = precision == ProductPrecision::bf16 || precision == ProductPrecision::f16;
  return half ? exact + 2 * parameters + 2 * (logits + operands) / 4 * 5 : exact;
}

}  // namespace storm::cuda
