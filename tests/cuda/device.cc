// Training through a Device, on whose own memory everything lies, comes out as on the CPU. (Linked with the emulated
// kernels; the CPU's side runs on the library's own.)
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cuda/cuda_device.h"
#include "models/architecture.h"
#include "models/encoder_decoder.h"
#include "ops/cached_attention.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"
#include "tests/relative_error.h"
#include "train/decay_turns.h"
#include "train/gradient_norm.h"
#include "train/optimizer.h"

using namespace storm;
using test::relative_error;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value

std::unique_ptr<Model> small_model() {
  const std::vector<std::pair<std::string, std::string>> settings{{"layers", "1"},    {"d-model", "16"},
                                                                  {"d-ff", "40"},     {"heads", "2"},
                                                                  {"dropout", "0.2"}, {"attention-dropout", "0.1"}};
  auto model = make_model(make_config(architecture("transformer"), "tiny", settings, {29, 29}));
  model->parameters().initialize(3);
  model->parameters().allocate_gradients();
  return model;
}

// So many sentence pairs of up to `longest` words.
Batch batch_of(int sentences, int longest) {
  std::vector<std::vector<int32_t>> words;
  for (int s = 0; s < 2 * sentences; ++s)
    for (auto& sentence = words.emplace_back(); static_cast<int>(sentence.size()) < 1 + 7 * s % longest;)
      sentence.push_back(4 + static_cast<int32_t>((sentence.size() * 5 + static_cast<std::size_t>(s) * 3) % 25));
  std::vector<SentencePair> pairs;
  for (std::size_t s = 0; s < words.size(); s += 2) pairs.push_back({words[s], words[s + 1]});
  return make_batch(pairs, {.bos = 2, .eos = 3});
}

// Three updates of two batches each, on both; the second batch is larger than all that was there before.
void train_both(OptimizerOptions options, bool spares_vectors) {
  constexpr double rate = 0.01;
  options.weight_decay = 0.1;
  options.decay_vectors = !spares_vectors;
  const auto device = cuda::open_device(0);
  const auto here = small_model(), there = small_model();
  Parameters &mine = here->parameters(), &theirs = there->parameters();
  REQUIRE(turns_at_vectors(mine).size() > 4);
  Optimizer on_cpu(mine, options), on_device(theirs, options, device.get());
  device->mirror(theirs.values());
  device->mirror(theirs.gradients());

  for (int64_t step = 1; step <= 3; ++step) {
    for (const int size : {2, 9}) {
      const Batch batch = batch_of(size, 5 * size);
      const auto number = static_cast<uint64_t>(step * 10 + size);
      const float scale = 1 / static_cast<float>(batch.labels[0].size());
      Graph graph(true), other(true);
      const auto want = storm::loss(as<EncoderDecoder>(*here), graph, batch, 0.1f, scale),
                 got = storm::loss(as<EncoderDecoder>(*there), other, batch, 0.1f, scale);
      const test::Once once(graph, 7, number);
      once.forward();
      once.backward();
      const Plan plan = make_plan(other);
      device->run(other, plan, 7, number);
      double totals[2];
      device->read(other, plan, got.totals, totals);
      const double* expected = once.run.data<double>(want.totals);
      CHECK(std::abs(totals[0] - expected[0]) < kTolerance * expected[0]);
      CHECK(std::abs(totals[1] - expected[1]) < kTolerance * expected[1]);
      std::vector<float> nll(batch.labels[0].size());
      device->read(other, plan, got.token_nll, nll.data());
      CHECK(relative_error(nll, {once.run.data(want.token_nll), nll.size()}) < kTolerance);
    }
    device->download(theirs.gradients());
    CHECK(relative_error(theirs.gradients(), mine.gradients()) < kTolerance);
    const double norm = gradient_norm(mine.gradients());
    CHECK(std::abs(device->norm(theirs.gradients()) - norm) < kTolerance * norm);
    const float clip = clip_scale(norm, 0.5);
    on_cpu.update(mine.values(), mine.gradients(), step, rate, clip);
    on_device.update(theirs.values(), theirs.gradients(), step, rate, clip);
    device->download(theirs.values());
    CHECK(relative_error(theirs.values(), mine.values()) < kTolerance);
    device->download(theirs.gradients());
    for (const float g : theirs.gradients()) REQUIRE(g == 0);
  }
  device->forget(theirs.values());
  device->forget(theirs.gradients());
  CHECK_THROWS_AS(device->norm(theirs.gradients()), Error);
}

}  // namespace

// Adam's epsilon is large, or a gradient's last bit would decide about the sign of a step.
TEST_CASE("three updates of a Transformer on a device are the CPU's: loss, gradients, norm, weights; Adam") {
  OptimizerOptions options;
  options.numbers["epsilon"] = 1e-2;
  for (const bool spares_vectors : {false, true}) train_both(options, spares_vectors);
}

TEST_CASE("three updates of a Transformer on a device are the CPU's, with Nesterov's momentum") {
  OptimizerOptions options;
  options.name = "nesterov";
  options.numbers["momentum"] = 0.9;
  for (const bool spares_vectors : {false, true}) train_both(options, spares_vectors);
}

TEST_CASE("a cache in device memory is what the next step reads") {
  const auto device = cuda::open_device(0);
  constexpr int64_t rows = 3, in = 2 * (2 * 8 + 8), kept = 2 * (8 + 8);
  const std::vector<int32_t> path{2, 0, 0};
  std::vector<std::vector<float>> cache(2, std::vector<float>(rows * kept));
  std::vector<float*> here, there;
  for (auto& c : cache) {
    here.push_back(c.data());
    there.push_back(static_cast<float*>(device->allocate(c.size() * sizeof(float))));
  }
  for (int32_t step = 0; step < 2; ++step) {
    const auto qkv = test::random_floats(rows * in, static_cast<uint64_t>(step));
    const auto record = [&](Graph& graph, std::vector<float*>& steps) {
      const AttentionCache now{graph.constant({1, 2}, steps.data()), step, graph.constant({rows, 1}, path.data())};
      const Value y = cached_attention(graph, graph.constant({rows, in}, qkv.data()), now, 2, 8, 8);
      graph.keep(y);
      return y;
    };
    Graph graph(false), other(false);
    const Value want = record(graph, here), y = record(other, there);
    const test::Once once(graph);
    once.forward();
    const Plan plan = make_plan(other);
    device->run(other, plan, 0, 0);
    std::vector<float> got(rows * 16);
    device->read(other, plan, y, got.data());
    CHECK(relative_error(got, {once.run.data(want), got.size()}) < kTolerance);
  }
  for (float* c : there) device->release(c);
}

TEST_CASE("an op without kernels is refused by name") {
  static constexpr Op strange{"an op of this test", [](const Execution&, const Node&) {}};
  const auto device = cuda::open_device(0);
  Graph graph(false);
  const float x = 1;
  graph.record(Node{.op = &strange, .inputs = {graph.constant({1, 1}, &x)}}, {{{1, 1}}}, 0);
  try {
    device->run(graph, make_plan(graph), 0, 0);
    FAIL("it ran");
  } catch (const Error& e) {
    CHECK(std::string(e.what()).find("an op of this test") != std::string::npos);
  }
}

TEST_CASE("a device that is not there is refused") {
  CHECK_THROWS_AS(cuda::open_device(1000), Error);
  CHECK_THROWS_AS(cuda::open_device(-1), Error);
}
