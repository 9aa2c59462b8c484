// Where the time of a training step goes, op by op, and how near each comes to its roofline (Williams et al. 2009): the
// longer of its matrix products at the machine's rate of products and its operands at the machine's rate of copying.
//   op-rates PRESET VOCABULARY TOKENS GFLOPS
// GFLOPS is what product-rate prints. The batch is made up: TOKENS tokens a side, sentences of 4 to 26. What stays in a
// cache can be faster than its roofline.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/number.h"
#include "base/parallel.h"
#include "base/random.h"
#include "cpu/gemm.h"
#include "models/architecture.h"
#include "models/encoder_decoder.h"
#include "tensor/execution.h"

namespace {

using namespace storm;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double bytes_of(const Graph& graph, Value v) {
  return v ? static_cast<double>(graph.shape(v).size()) * static_cast<double>(byte_size(graph[v].dtype)) : 0;
}

// Bytes a second that all threads together read and write, of memory too large for any cache; the best of some runs.
double copy_rate() {
  constexpr int64_t n = int64_t{1} << 26;
  Buffer from(n * sizeof(float)), to(n * sizeof(float));
  double best = 0;
  for (int run = 0; run < 6; ++run) {
    const double start = now();
    parallel_ranges(n, 1024, [&](int64_t begin, int64_t end) {
      std::copy(from.as<float>().data() + begin, from.as<float>().data() + end, to.as<float>().data() + begin);
    });
    if (run > 0) best = std::max(best, 2.0 * n * sizeof(float) / (now() - start));
  }
  return best;
}

// Floating-point operations of the products of a node's forward pass; backward has twice as many.
double products(const Graph& graph, const Node& node, const PackedSentences& s) {
  const std::string op = node.op->name;
  const auto size = [&](std::size_t i) { return static_cast<double>(graph.shape(node.inputs[i]).size()); };
  if (op == "linear") return 2 * size(0) * static_cast<double>(graph.shape(node.inputs[1]).rows);
  if (op == "convolution") return 2 * static_cast<double>(graph.shape(node.inputs[0]).rows) * size(1);
  if (op == "cross_entropy") return 6 * size(0) * static_cast<double>(graph.shape(node.inputs[1]).rows);
  if (op != "attention") return 0;
  double pairs = 0;  // of a query and a key; a causal mask, which halves them, is not looked at: these are few
  for (std::size_t i = 0; i + 1 < s.offsets.size(); ++i) {
    const double n = s.offsets[i + 1] - s.offsets[i];
    pairs += n * n;
  }
  return 4 * pairs * static_cast<double>(graph.shape(node.outputs[0]).cols);
}

struct Figures {
  double seconds = 0, flops = 0, bytes = 0, roofline = 0;
};

void run(const std::string& preset, int64_t vocabulary, int64_t tokens, double product_rate) {
  const auto model = make_model(make_config(architecture_of_preset(preset), preset, {}, {vocabulary, vocabulary}));
  model->parameters().initialize(1);
  model->parameters().allocate_gradients();
  RandomStream random(1, RandomUse::corpus);
  std::vector<std::vector<int32_t>> sentences;
  for (int64_t left = tokens; left > 4;) {
    const auto length =
        static_cast<std::size_t>(std::min<int64_t>(3 + static_cast<int64_t>(random.below(23)), left - 1));
    auto& ids = sentences.emplace_back(length);
    for (auto& id : ids) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(vocabulary)));
    left -= static_cast<int64_t>(length) + 1;
  }
  std::vector<SentencePair> pairs;
  for (const auto& s : sentences) pairs.push_back({s, s});
  const Batch batch = make_batch(pairs, {});

  const double copy = copy_rate();
  Graph graph(true);
  storm::loss(as<EncoderDecoder>(*model), graph, batch, 0.1f, 1 / static_cast<float>(batch.inputs[1].tokens()));
  const Plan plan = make_plan(graph);
  Buffer arena(plan.bytes);
  const Execution execution(graph, plan, arena.data(), 1, 1);

  std::map<std::string, Figures> found;
  double total = 0;
  const auto time = [&](const Node& node, bool back) {
    const double start = now();
    (back ? node.op->backward : node.op->forward)(execution, node);
    const double seconds = now() - start, flops = products(graph, node, batch.inputs[0]) * (back ? 2 : 1);
    double bytes = 0;
    if (node.op->name == std::string("embed"))  // of its tables only the rows of this batch
      bytes = bytes_of(graph, node.outputs[0]);
    else
      for (const Value v : node.inputs) bytes += bytes_of(graph, v) * (back && v && graph[v].needs_gradient ? 2 : 1);
    for (const Value v : node.outputs) bytes += bytes_of(graph, v) * (back ? 2 : 1);
    char name[32];
    std::snprintf(name, sizeof name, "%-16s %-8s", node.op->name, back ? "backward" : "forward");
    auto& f = found[name];
    f.seconds += seconds;
    f.flops += flops;
    f.bytes += bytes;
    f.roofline += std::max(flops / product_rate, bytes / copy);
    total += seconds;
  };
  constexpr int kRuns = 6;
  for (int i = 0; i < kRuns; ++i) {
    if (i == 1) found.clear(), total = 0;  // the first touches fresh memory
    for (const Node& node : graph.nodes()) time(node, false);
    for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node)
      if (graph.backpropagates(*node) &&
          std::ranges::any_of(node->outputs, [&](Value v) { return execution.gradient(v) != nullptr; }))
        time(*node, true);
  }
  std::printf("# %s, vocabulary %lld, %lld target tokens; products %.0f GFLOP/s, copying %.1f GB/s\n", preset.c_str(),
              static_cast<long long>(vocabulary), static_cast<long long>(batch.inputs[1].tokens()), product_rate / 1e9,
              copy / 1e9);
  std::printf("%-16s %-8s %8s %6s %8s %6s %12s\n", "op", "pass", "ms", "share", "GFLOP/s", "GB/s", "of roofline");
  std::vector<std::pair<std::string, Figures>> rows(found.begin(), found.end());
  std::ranges::sort(rows, [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  for (const auto& [name, f] : rows)
    std::printf("%s %8.2f %4.1f %% %8.0f %6.1f %10.0f %% of %s\n", name.c_str(), 1e3 * f.seconds / (kRuns - 1),
                100 * f.seconds / total, f.flops / f.seconds / 1e9, f.bytes / f.seconds / 1e9,
                100 * f.roofline / f.seconds, f.flops / product_rate > f.bytes / copy ? "products" : "memory");
}

}  // namespace

int main(int argc, char** argv) {
  set_library_environment(argv);
  if (argc == 5) {
    const auto vocabulary = parse_number<int64_t>(argv[2]), tokens = parse_number<int64_t>(argv[3]);
    const auto rate = parse_number<double>(argv[4]);
    if (vocabulary && tokens && rate && *vocabulary > 4 && *tokens > 30 && *rate > 0) {
      run(argv[1], *vocabulary, *tokens, *rate * 1e9);
      return 0;
    }
  }
  std::fputs("op-rates: give PRESET VOCABULARY TOKENS GFLOPS\n", stderr);
  return 2;
}
