#include "train/memory.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tensor/plan.h"
#include "train/gradient_reduction.h"

namespace storm {

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

// The arena of one batch of so many tokens, and what a device takes beside it.
struct OneBatch {
  std::size_t arena = 0, beside = 0;  // bytes
};

OneBatch measured(const Model& model, const Task& task, int64_t tokens, std::span<const int64_t> longest,
                  const MemoryOptions& options) {
  Batch batch = task.batch_of_size(options.r_drop > 0 ? 2 * tokens : tokens, longest);
  if (options.streams > 0)
    batch.carried.resize(static_cast<std::size_t>(batch.inputs[0].sentences() * task.carried_width()));
  const std::vector<float> scales(task.losses().size(), 1);
  Graph graph(true);
  const auto values = task.record(graph, batch, LossOptions(0.1f, options.r_drop), scales);
  if (!batch.carried.empty()) graph.keep(values.back());  // as TrainingStep does
  OneBatch one{.arena = make_plan(graph).bytes};
  if (options.device)
    one.beside = options.device->bytes_beside_arena(graph, model.parameters().values().size(), options.precision);
  return one;
}

}  // namespace

TrainingMemory training_memory(const Model& model, const Task& task, int64_t max_tokens,
                               std::span<const int64_t> longest, const MemoryOptions& options) {
  std::vector<int64_t> most(longest.begin(), longest.end());
  for (int64_t& length : most) length = std::min(length, max_tokens);
  TrainingMemory m;
  const Parameters& parameters = model.parameters();
  m.state =
      (parameters.values().size() + parameters.trained() +
       options.optimizer.kind().buffers.size() * parameters.trained() / static_cast<std::size_t>(options.processes)) *
      sizeof(float);
  if (options.averages) m.state += parameters.trained() * sizeof(float);
  if (options.processes > 1) m.program += GradientReduction::memory(Shards(parameters.trained(), options.processes));
  // Long rows make for more attention, short ones for more rows; streams are so many rows of one length.
  if (options.streams > 0) max_tokens = std::min(max_tokens, options.streams * most[0]);
  const OneBatch of_long = measured(model, task, max_tokens, most, options);
  if (options.streams == 0) std::ranges::fill(most, 1);
  const OneBatch of_short = options.streams == 0 ? measured(model, task, max_tokens, most, options) : of_long;
  m.arena = std::max(of_long.arena, of_short.arena);
  if (options.processes > 1 && !options.device)  // a checkpoint's moments are gathered there
    m.arena = std::max(m.arena, options.optimizer.kind().buffers.size() * parameters.trained() * sizeof(float));
  m.program += 64 * kMiB + 64 * static_cast<std::size_t>(max_tokens);
  m.program += std::max(of_long.beside, of_short.beside);
  return m;
}

int64_t fitting_max_tokens(const Model& model, const Task& task, std::size_t bytes, int64_t most,
                           std::span<const int64_t> longest, const MemoryOptions& options) {
  const auto need = [&](int64_t tokens) { return training_memory(model, task, tokens, longest, options).total(); };
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

int64_t fitting_micro_batch(const Model& model, const Task& task, std::size_t bytes, int64_t max_tokens,
                            std::span<const int64_t> longest, const MemoryOptions& options) {
  constexpr std::size_t kArena = 800 * kMiB;
  constexpr int64_t kLeast = 1024;
  const int64_t row = std::min(max_tokens, *std::ranges::max_element(longest));
  const int64_t least = bytes > 0 ? row : std::clamp(kLeast, row, max_tokens);
  for (int64_t parts = 1;; parts += 1 + parts / 8) {
    // Parts end with whole rows: the longest one on top makes room for even parts.
    const int64_t share = (max_tokens + parts - 1) / parts, even = parts == 1 ? share : share + row;
    const int64_t tokens = share == 1 ? least : std::clamp(even, least, max_tokens);
    const auto need = training_memory(model, task, tokens, longest, options);
    const bool fits = bytes > 0 ? need.total() <= bytes : need.arena <= kArena;
    require(fits || bytes == 0 || tokens > least, options.whose, ": ", bytes / kMiB,
            " MiB are not enough: the longest row takes ", need.total() / kMiB + 1, " MiB");
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
