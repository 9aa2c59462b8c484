// Every op on a device as on the CPU, forward and gradients, at shapes that fill a card: thousands of rows, a
// vocabulary of 10,000, sentences of 1 to 120 tokens. On the emulated device smaller ones, which still have several
// tiles, blocks and chunks of everything.
#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <numeric>

#include "base/random.h"
#include "cuda/cuda_device.h"
#include "ops/alignment.h"
#include "ops/attention.h"
#include "ops/attention_memory.h"
#include "ops/attention_weights.h"
#include "ops/attentive_recurrent.h"
#include "ops/convolution.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "ops/glu.h"
#include "ops/join.h"
#include "ops/linear.h"
#include "ops/log_mixture.h"
#include "ops/recurrent.h"
#include "ops/residual_norm.h"
#include "ops/top_k.h"
#include "ops/weight_norm.h"
#include "ops/weighted_sum.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"
#include "tests/relative_error.h"

using namespace storm;
using test::relative_error;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value

Device& device() {
  static const auto opened = cuda::open_device(0);
  return *opened;
}
// What a shape is on a card, and on the emulated one.
int64_t size(int64_t card, int64_t emulated) {
  static const bool slow = device().description().find("emulated") != std::string::npos;
  return slow ? emulated : card;
}

// Sentences of every length up to the longest.
std::vector<int32_t> ragged(int64_t sentences, int64_t longest, int64_t stride) {
  std::vector<int32_t> offsets{0};
  for (int64_t s = 0; s < sentences; ++s)
    offsets.push_back(offsets.back() + static_cast<int32_t>(1 + s * stride % longest));
  return offsets;
}
std::vector<int32_t> sources() { return ragged(size(64, 5), size(120, 75), 37); }
std::vector<int32_t> targets() { return ragged(size(64, 5), size(110, 70), 53); }

// What a case's graph is made of: the same numbers each time, by the order in which they are asked for.
class Inputs {
 public:
  explicit Inputs(Graph& graph) : graph_(graph) {}

  Value parameter(int64_t rows, int64_t cols, double scale = 1) {
    auto& values = values_.emplace_back(test::random_floats(static_cast<std::size_t>(rows * cols), values_.size() + 1));
    for (float& x : values) x *= static_cast<float>(scale);
    auto& gradient = gradients_.emplace_back(values.size(), 0.0f);
    return graph_.parameter({rows, cols}, values.data(), gradient.data());
  }
  // A weight of so many terms keeps the variance.
  Value weight(int64_t rows, int64_t cols) { return parameter(rows, cols, std::sqrt(3 / static_cast<double>(cols))); }
  Value ids(int64_t rows, int64_t below) {
    RandomStream random(5, RandomUse::initial_weights, integers_.size());
    auto& all = integers_.emplace_back(static_cast<std::size_t>(rows));
    for (int32_t& id : all) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(below)));
    return graph_.constant({rows, 1}, all.data());
  }
  Value integers(std::vector<int32_t> all, int64_t cols = 1) {
    const auto& kept = integers_.emplace_back(std::move(all));
    return graph_.constant({static_cast<int64_t>(kept.size()) / cols, cols}, kept.data());
  }

  void mirror(Device& on) {
    for (auto* all : {&values_, &gradients_})
      for (auto& x : *all) on.mirror(x);
  }
  void forget(Device& on) {
    for (auto& x : gradients_) on.download(x);
    for (auto* all : {&values_, &gradients_})
      for (auto& x : *all) on.forget(x);
  }
  const std::deque<std::vector<float>>& gradients() const { return gradients_; }

 private:
  Graph& graph_;
  std::deque<std::vector<float>> values_, gradients_;
  std::deque<std::vector<int32_t>> integers_;
};

using Record = std::function<Value(Graph&, Inputs&)>;

// record gives y: [rows, n], F32. With gradients the loss is that of an output layer upon it. Returns y's error.
double check_case(const char* what, bool gradients, const Record& record, double tolerance = kTolerance) {
  INFO(what);
  Graph mine(gradients), theirs(gradients);
  Inputs here(mine), there(theirs);
  const auto recorded = [&](Graph& graph, Inputs& inputs) {
    const Value y = record(graph, inputs);
    graph.keep(y);
    const auto [rows, n] = graph.shape(y);
    if (gradients)
      cross_entropy(graph, y, inputs.weight(50, n), {}, inputs.ids(rows, 50), 0.1f, 1 / static_cast<float>(rows));
    return y;
  };
  const Value want = recorded(mine, here), got = recorded(theirs, there);
  const test::Once once(mine, 3, 5);
  once.forward();
  if (gradients) once.backward();
  there.mirror(device());
  const Plan plan = make_plan(theirs);
  device().run(theirs, plan, 3, 5);
  std::vector<float> y(static_cast<std::size_t>(theirs.shape(got).size()));
  device().read(theirs, plan, got, y.data());
  there.forget(device());
  const double error = relative_error(y, {once.run.data(want), y.size()});
  CHECK(error < tolerance);
  for (std::size_t i = 0; gradients && i < here.gradients().size(); ++i) {
    INFO("gradient of parameter " << i);
    CHECK(relative_error(there.gradients()[i], here.gradients()[i]) <
          (tolerance > kTolerance ? 2 : 1) * tolerance);  // rounded products of rounded products
  }
  return error;
}

}  // namespace

TEST_CASE("large: cross_entropy") {
  const int64_t rows = size(3000, 300), vocabulary = size(10000, 700), d = size(512, 40);
  check_case("with a bias", true, [&](Graph& g, Inputs& in) {
    return cross_entropy(g, in.parameter(rows, d), in.weight(vocabulary, d), in.parameter(1, vocabulary),
                         in.ids(rows, vocabulary), 0.1f, 1 / static_cast<float>(rows))
        .token_nll;
  });
}

TEST_CASE("large: linear, with every activation") {
  const int64_t rows = size(4000, 130), in_width = size(512, 40), out_width = size(2048, 70);
  for (const auto activation : {Activation::none, Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                Activation::swish, Activation::tanh})
    check_case("linear", true, [&](Graph& g, Inputs& in) {
      return linear(g, in.parameter(rows, in_width), in.weight(out_width, in_width), in.parameter(1, out_width),
                    activation, activation == Activation::tanh ? 0.0f : 0.1f);
    });
}

TEST_CASE("large: products of bf16 and tf32 are off by the rounding of their formats, and those of f32 again are not") {
  // Small products are not rounded.
  const int64_t rows = size(4000, 330), in_width = size(512, 72), out_width = size(2048, 90);
  const auto error_of = [&](ProductPrecision precision, double tolerance) {
    device().set_products(precision);
    return check_case(
        name(precision), true,
        [&](Graph& g, Inputs& in) {
          return linear(g, in.parameter(rows, in_width), in.weight(out_width, in_width), in.parameter(1, out_width));
        },
        tolerance);
  };
  CHECK(error_of(ProductPrecision::bf16, std::ldexp(1, -8)) > 1e-4);
  error_of(ProductPrecision::tf32, std::ldexp(1, -10));
  error_of(ProductPrecision::f32, kTolerance);
}

TEST_CASE("large: attention of a sentence to itself, causal or not, and to another") {
  const int32_t heads = static_cast<int32_t>(size(8, 2)), width = static_cast<int32_t>(size(64, 12)), d = heads * width;
  const auto own = targets(), other = sources();
  for (const bool causal : {false, true})
    for (const float dropout : {0.0f, 0.1f})
      check_case(causal ? "causal" : "full", true, [&](Graph& g, Inputs& in) {
        const Value x = in.parameter(own.back(), d, 2), offsets = in.integers(own);
        const Value qkv = linear(g, x, in.weight(3 * d, d), in.parameter(1, 3 * d));
        return attention(g, {.q = qkv,
                             .kv = qkv,
                             .k_column = d,
                             .v_column = 2 * d,
                             .q_offsets = offsets,
                             .kv_offsets = offsets,
                             .heads = heads,
                             .d_k = width,
                             .d_v = width,
                             .causal = causal,
                             .dropout = dropout});
      });
  check_case("to another", true, [&](Graph& g, Inputs& in) {
    return attention(g, {.q = in.parameter(own.back(), d),
                         .kv = in.parameter(other.back(), 2 * d),
                         .v_column = d,
                         .q_offsets = in.integers(own),
                         .kv_offsets = in.integers(other),
                         .heads = heads,
                         .d_k = width,
                         .d_v = width});
  });
  for (const auto scores : {AttentionScores::probabilities, AttentionScores::logits})
    check_case("its weights", false, [&](Graph& g, Inputs& in) {
      return attention_weights(g,
                               {.q = in.parameter(own.back(), d),
                                .kv = in.parameter(other.back(), d),
                                .q_offsets = in.integers(own),
                                .kv_offsets = in.integers(other),
                                .heads = heads,
                                .d_k = width,
                                .d_v = width},
                               scores);
    });
}

TEST_CASE("large: embeddings, the norm of residuals, values side by side") {
  const int64_t rows = size(4000, 200), d = size(512, 40), vocabulary = size(10000, 90);
  check_case("embed", true, [&](Graph& g, Inputs& in) {
    return embed(g, in.parameter(vocabulary, d), in.ids(rows, vocabulary), in.parameter(120, d), in.ids(rows, 120), 2,
                 0.1f);
  });
  check_case("residual_norm", true, [&](Graph& g, Inputs& in) {
    const auto norm = residual_norm(g, in.parameter(rows, d), in.parameter(rows, d), in.parameter(1, d),
                                    in.parameter(1, d), 1e-5f, 0.1f);
    return join(g, std::vector<Value>{norm.sum, norm.normed}, 0.1f);
  });
}

TEST_CASE("large: convolutions, gates, normed weights and what attention looks at") {
  const int64_t d = size(256, 24);
  const auto rows = sources();
  for (const Reach reach : {Reach::same, Reach::causal})
    check_case("a layer", true, [&](Graph& g, Inputs& in) {
      const Value x = in.parameter(rows.back(), d), offsets = in.integers(rows);
      const Value weight = weight_norm(g, in.weight(2 * d, 3 * d), in.parameter(1, 2 * d));
      const Value y = glu(g, convolution(g, x, weight, offsets, reach, 0.1f), in.parameter(1, 2 * d), x, 0.7f);
      const Value z = weighted_sum(g, {y, 0.5f}, {x, 0.7f}, {in.parameter(rows.back(), d), 0.9f});
      return attention_memory(g, z, x, offsets, 0.8f, 0.25f);
    });
}

TEST_CASE("large: recurrent layers of every cell, and their attention") {
  const int64_t h = size(256, 20), a = size(256, 24);
  // A step of a recurrence is several launches: fewer of them where they are emulated.
  const auto source = ragged(size(64, 5), size(120, 40), 37), target = ragged(size(64, 5), size(110, 9), 53);
  const auto sentences = static_cast<int64_t>(target.size()) - 1;
  std::vector<int32_t> ranges;
  for (std::size_t s = 0; s + 1 < source.size(); ++s) ranges.insert(ranges.end(), {source[s], source[s + 1]});
  for (const Cell cell : {Cell::tanh, Cell::gru, Cell::lstm}) {
    const int64_t width = gates_of(cell) * h;
    const auto cell_of = [&](Inputs& in, bool reverse) {
      CellInput input{.cell = cell, .x = in.parameter(target.back(), width), .weight = in.parameter(width, h, 0.05)};
      if (cell == Cell::gru) input.bias = in.parameter(1, h);
      input.offsets = in.integers(target);
      input.h = in.parameter(sentences, h);
      if (cell == Cell::lstm) input.c = in.parameter(sentences, h);
      input.reverse = reverse;
      input.dropout = 0.1f;
      return input;
    };
    const auto memory_of = [&](Inputs& in, Scoring scoring, int64_t query) {
      AlignmentInput input{.scoring = scoring, .keys = in.parameter(source.back(), query, 0.3)};
      if (scoring == Scoring::additive) input.v = in.parameter(1, query, 0.3);
      input.memory = in.parameter(source.back(), h);
      input.ranges = in.integers(ranges, 2);
      return input;
    };
    check_case("backwards", true, [&](Graph& g, Inputs& in) { return recurrent(g, cell_of(in, true)).h; });
    for (const Scoring scoring : {Scoring::dot, Scoring::additive}) {
      check_case("attention upon it", true, [&](Graph& g, Inputs& in) {
        const Value states = recurrent(g, cell_of(in, false)).h;
        return attend(g, states, in.integers(target), memory_of(in, scoring, h)).context;
      });
      check_case("attention before each step", true, [&](Graph& g, Inputs& in) {
        AttentiveInput input;
        input.cell = cell_of(in, false);
        input.feed_weight = in.parameter(width, h, 0.05);
        input.query_weight = in.parameter(a, h, 0.05);
        input.attention = memory_of(in, scoring, a);
        const auto states = attentive_recurrent(g, input);
        return join(g, std::vector<Value>{states.context, states.h});
      });
    }
    check_case("input feeding", true, [&](Graph& g, Inputs& in) {
      AttentiveInput input;
      input.cell = cell_of(in, false);
      input.feed_weight = in.parameter(width, a, 0.05);
      input.attention = memory_of(in, Scoring::dot, h);
      input.out_weight = in.parameter(a, 2 * h, 0.05);
      input.out_bias = in.parameter(1, a);
      return attentive_recurrent(g, input).out;
    });
  }
}

TEST_CASE("large: the best words and the logarithms of their probabilities") {
  const int64_t rows = size(1280, 20), vocabulary = size(10000, 1700);
  check_case("log_softmax", false,
             [&](Graph& g, Inputs& in) { return log_softmax(g, in.parameter(rows, vocabulary, 9)); });
  check_case("log_mixture", false, [&](Graph& g, Inputs& in) {
    const Value a = in.parameter(rows, vocabulary, 9), b = in.parameter(rows, vocabulary, 9);
    return log_mixture(g, std::vector{a, b}, std::vector{0.25, 0.75});
  });
  check_case("top_k", false,
             [&](Graph& g, Inputs& in) { return top_k(g, in.parameter(rows, vocabulary, 9), 5).log_probs; });
}
