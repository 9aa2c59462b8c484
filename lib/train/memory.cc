#include "train/memory.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tensor/plan.h"

namespace storm {

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

// Sentences of this length, as many as it takes to have exactly so many tokens.
PackedSentences packed(int64_t tokens, int64_t sentences, int64_t longest) {
  const std::vector<int32_t> ids(static_cast<std::size_t>(longest));
  PackedSentences p;
  for (int64_t s = 0; s < sentences; ++s) {
    const int64_t left = tokens - p.tokens(), after = sentences - s - 1;
    p.add(-1, std::span(ids).first(static_cast<std::size_t>(std::clamp(left - after, int64_t{1}, longest))), -1);
  }
  return p;
}

struct OneBatch {
  std::size_t arena = 0;     // bytes
  std::size_t operands = 0;  // the most numbers that a node reads and makes, parameters aside
};

OneBatch measured(const Model& model, int64_t tokens, int64_t source_length, int64_t target_length) {
  const auto least = [&](int64_t length) { return (tokens + length - 1) / length; };
  const int64_t sentences = std::max(least(source_length), least(target_length));
  Batch batch{packed(tokens, sentences, source_length), packed(tokens, sentences, target_length), {}};
  batch.labels.resize(static_cast<std::size_t>(batch.target.tokens()));
  Graph graph(true);
  model.loss(graph, batch, 0.1f, 1);
  OneBatch one{.arena = make_plan(graph).bytes};
  for (const Node& node : graph.nodes()) {
    std::size_t numbers = 0;
    const auto add = [&](Value v) {
      if (v && graph[v].origin != Origin::parameter) numbers += static_cast<std::size_t>(graph.shape(v).size());
    };
    std::ranges::for_each(node.inputs, add);
    std::ranges::for_each(node.outputs, add);
    one.operands = std::max(one.operands, numbers);
  }
  return one;
}

// What nodes take on a device beside the arena (cuda/memory.h, Workspace: grown by a quarter more than was asked for):
// logits, 256 MiB of them at most (ops/cross_entropy.cu), or pieces of 64 MiB, and rounded operands and weights.
std::size_t workspaces(const Model& model, int64_t tokens, std::size_t operands, ProductPrecision precision) {
  const std::size_t logits = std::min(static_cast<std::size_t>(tokens * model.target_vocabulary()), 64 * kMiB);
  const std::size_t exact = 96 * kMiB + logits * sizeof(float) / 4 * 5;
  if (precision != ProductPrecision::bf16 && precision != ProductPrecision::f16) return exact;
  return exact + 2 * model.parameters().values().size() + 2 * (logits + operands) / 4 * 5;
}

}  // namespace

TrainingMemory training_memory(const Model& model, int64_t max_tokens, int64_t longest_source, int64_t longest_target,
                               const MemoryOptions& options) {
  const int64_t source = std::min(max_tokens, longest_source), target = std::min(max_tokens, longest_target);
  TrainingMemory m;
  m.state = (2 + options.optimizer.buffers()) * model.parameters().values().size() * sizeof(float);
  // Long sentences make for more attention, short ones for more sentences.
  const OneBatch longest = measured(model, max_tokens, source, target), shortest = measured(model, max_tokens, 1, 1);
  m.arena = std::max(longest.arena, shortest.arena);
  m.program = 64 * kMiB + 64 * static_cast<std::size_t>(max_tokens);
  if (options.device)
    m.program += workspaces(model, max_tokens, std::max(longest.operands, shortest.operands), *options.device);
  return m;
}

int64_t fitting_max_tokens(const Model& model, std::size_t bytes, int64_t most, int64_t longest_source,
                           int64_t longest_target, const MemoryOptions& options) {
  const auto need = [&](int64_t tokens) {
    return training_memory(model, tokens, longest_source, longest_target, options).total();
  };
  require(need(1) <= bytes, options.whose, ": ", bytes / kMiB, " MiB are not enough: the model alone takes ",
          need(1) / kMiB + 1, " MiB");
  int64_t low = 1, high = 2;
  while (high < most && need(high) <= bytes) low = std::exchange(high, 2 * high);
  high = std::min(high, most + 1);
  while (high - low > std::max<int64_t>(1, low / 256)) {
    const int64_t middle = low + (high - low) / 2;
    (need(middle) <= bytes ? low : high) = middle;
  }
  return low;
}

int64_t fitting_micro_batch(const Model& model, std::size_t bytes, int64_t max_tokens, int64_t longest_source,
                            int64_t longest_target, const MemoryOptions& options) {
  constexpr std::size_t kArena = 800 * kMiB;
  constexpr int64_t kLeast = 1024;
  const int64_t longest = std::min(max_tokens, std::max(longest_source, longest_target));
  const int64_t least = bytes > 0 ? longest : std::clamp(kLeast, longest, max_tokens);
  for (int64_t parts = 1;; parts += 1 + parts / 8) {
    // Parts end with whole pairs: the longest one on top makes room for even parts.
    const int64_t share = (max_tokens + parts - 1) / parts, even = parts == 1 ? share : share + longest;
    const int64_t tokens = share == 1 ? least : std::clamp(even, least, max_tokens);
    const auto need = training_memory(model, tokens, longest_source, longest_target, options);
    const bool fits = bytes > 0 ? need.total() <= bytes : need.arena <= kArena;
    require(fits || bytes == 0 || tokens > least, options.whose, ": ", bytes / kMiB,
            " MiB are not enough: the longest pair takes ", need.total() / kMiB + 1, " MiB");
    if (fits || tokens == least) return tokens == max_tokens ? 0 : tokens;
  }
}

std::size_t usable_bytes(const Device& device, bool decodes) {
  const std::size_t free = device.free_bytes(), libraries = 256 * kMiB;
  const std::size_t rest = libraries + free / 64 + (decodes ? free / 8 : 0);
  return free > rest ? free - rest : 0;
}

void require_memory(const Device& device, const TrainingMemory& need) {
  const std::size_t free = device.free_bytes();
  require(need.total() <= free, device.description(), ": training takes ", need.total() / kMiB + 1,
          " MiB (parameters and optimizer ", need.state / kMiB + 1, ", the largest batch ", need.arena / kMiB + 1,
          "), ", free / kMiB, " MiB are free; lower --max-tokens, or give a smaller --memory");
}

}  // namespace storm
