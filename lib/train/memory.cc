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

std::size_t arena(const Model& model, int64_t tokens, int64_t source_length, int64_t target_length) {
  const auto least = [&](int64_t length) { return (tokens + length - 1) / length; };
  const int64_t sentences = std::max(least(source_length), least(target_length));
  Batch batch{packed(tokens, sentences, source_length), packed(tokens, sentences, target_length), {}};
  batch.labels.resize(static_cast<std::size_t>(batch.target.tokens()));
  Graph graph(true);
  model.loss(graph, batch, 0.1f, 1);
  return make_plan(graph).bytes;
}

}  // namespace

TrainingMemory training_memory(const Model& model, int64_t max_tokens, int64_t longest_source, int64_t longest_target,
                               const OptimizerOptions& optimizer) {
  const int64_t source = std::min(max_tokens, longest_source), target = std::min(max_tokens, longest_target);
  TrainingMemory m;
  m.state = (2 + optimizer.buffers()) * model.parameters().values().size() * sizeof(float);
  // Long sentences make for more attention, short ones for more sentences.
  m.arena = std::max(arena(model, max_tokens, source, target), arena(model, max_tokens, 1, 1));
  m.program = 64 * kMiB + 64 * static_cast<std::size_t>(max_tokens);
  return m;
}

int64_t fitting_max_tokens(const Model& model, std::size_t bytes, int64_t most, int64_t longest_source,
                           int64_t longest_target, const OptimizerOptions& optimizer) {
  const auto need = [&](int64_t tokens) {
    return training_memory(model, tokens, longest_source, longest_target, optimizer).total();
  };
  require(need(1) <= bytes, "--memory: ", bytes / kMiB, " MiB are not enough: the model alone takes ",
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
                            int64_t longest_target, const OptimizerOptions& optimizer) {
  constexpr std::size_t kArena = 800 * kMiB;
  constexpr int64_t kLeast = 1024;
  const int64_t longest = std::min(max_tokens, std::max(longest_source, longest_target));
  const int64_t least = bytes > 0 ? longest : std::clamp(kLeast, longest, max_tokens);
  for (int64_t parts = 1;; parts += 1 + parts / 8) {
    // Parts end with whole pairs: the longest one on top makes room for even parts.
    const int64_t share = (max_tokens + parts - 1) / parts, even = parts == 1 ? share : share + longest;
    const int64_t tokens = share == 1 ? least : std::clamp(even, least, max_tokens);
    const auto need = training_memory(model, tokens, longest_source, longest_target, optimizer);
    const bool fits = bytes > 0 ? need.total() <= bytes : need.arena <= kArena;
    require(fits || bytes == 0 || tokens > least, "--memory: ", bytes / kMiB,
            " MiB are not enough: the longest pair takes ", need.total() / kMiB + 1, " MiB");
    if (fits || tokens == least) return tokens == max_tokens ? 0 : tokens;
  }
}

}  // namespace storm
