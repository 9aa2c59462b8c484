// How fast a step of fine-tuning is when LoRA alone is trained, beside one of the whole model.
//   adapter-rate full|lora STEPS [RANK]
// A MiniLM-sized BERT (6 layers, d 384, ff 1536, 12 heads, 30,522 pieces) with random weights, 8 texts of 128 tokens a
// step, and two classes on its pooler: forward, backward, the gradients' norm, Adam. Prints the middle step's seconds,
// the bytes of parameters, gradients and moments, those of the step's arena, and the peak of the process.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "base/random.h"
#include "cpu/gemm.h"
#include "models/architecture.h"
#include "models/text_encoder.h"
#include "models/text_pooler.h"
#include "nn/adaptation.h"
#include "ops/cross_entropy.h"
#include "tensor/execution.h"
#include "train/gradient_norm.h"
#include "train/optimizer.h"

namespace {

using namespace storm;

constexpr int32_t kTexts = 8, kLength = 128, kPieces = 30522;

std::unique_ptr<Model> minilm(int64_t rank) {
  auto config =
      make_config(architecture("bert"), "bert-base",
                  std::vector<std::pair<std::string, std::string>>{
                      {"layers", "6"}, {"d-model", "384"}, {"d-ff", "1536"}, {"heads", "12"}, {"masked-lm", "no"}},
                  {kPieces});
  Adaptation adaptation;
  if (rank > 0) adaptation.rank = rank, adaptation.alpha = static_cast<double>(rank);
  adaptation.put_into(config);
  auto model = make_model(config);
  model->parameters().initialize(1);
  model->parameters().allocate_gradients();
  return model;
}

int measure(int64_t rank, int64_t steps) {
  const auto model = minilm(rank);
  auto& parameters = model->parameters();
  PackedSentences texts;
  RandomStream random(1, RandomUse::initial_weights, 1);
  std::vector<int32_t> firsts, labels;
  for (int32_t t = 0; t < kTexts; ++t) {
    std::vector<int32_t> ids(kLength);
    for (int32_t& id : ids) id = static_cast<int32_t>(random.uniform() * kPieces);
    texts.add(-1, ids, -1);
    firsts.push_back(t * kLength);
    labels.push_back(t % 2);
  }
  std::vector<float> classes(std::size_t{2} * 384);
  for (float& x : classes) x = static_cast<float>(random.uniform() - 0.5);
  Optimizer adam(parameters, {});
  Graph graph(true);
  Plan plan;
  Buffer arena;
  std::vector<double> seconds;
  for (int64_t step = 1; step <= steps + 2; ++step) {  // two to warm up
    const auto start = std::chrono::steady_clock::now();
    graph.clear();
    const Value states = as<TextEncoder>(*model).encode(graph, texts);
    const Value pooled = as<TextPooler>(*model).pooled(graph, states, graph.column(firsts));
    cross_entropy(graph, pooled, graph.constant({2, 384}, classes.data()), {}, graph.column(labels), 0, 1.0f / kTexts);
    make_plan(graph, plan);
    arena.grow(plan.bytes);
    const Execution run(graph, plan, arena.data(), 1, static_cast<uint64_t>(step));
    run.forward();
    run.backward();
    adam.update(parameters.values(), parameters.gradients(), step, 1e-4,
                clip_scale(gradient_norm(parameters.gradients()), 1));
    if (step > 2) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(seconds);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const std::size_t state = (parameters.values().size() + 3 * parameters.trained()) * sizeof(float);
  std::printf("seconds=%.5f state=%zu arena=%zu peak=%ld trained=%zu parameters=%zu\n", seconds[seconds.size() / 2],
              state, plan.bytes, usage.ru_maxrss * 1024, parameters.trained_numbers(), parameters.numbers());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  set_library_environment(argv);
  const std::string what = argc > 1 ? argv[1] : "";
  const int64_t steps = parse_number<int64_t>(argc > 2 ? argv[2] : "").value_or(0),
                rank = parse_number<int64_t>(argc > 3 ? argv[3] : "8").value_or(0);
  if ((what != "full" && what != "lora") || steps < 1 || rank < 1) {
    std::fputs("adapter-rate full|lora STEPS [RANK]\n", stderr);
    return 2;
  }
  return measure(what == "lora" ? rank : 0, steps);
}
