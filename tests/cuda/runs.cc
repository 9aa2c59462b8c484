// What a device does beside computing: batches of one shape that may be replayed, products of lower precision, results
// that nobody waits for, constants that grow or change.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "cpu/bf16_product.h"
#include "cuda/cuda_device.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "ops/linear.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"
#include "tests/relative_error.h"
#include "train/gradient_norm.h"

using namespace storm;
using test::relative_error;

namespace {

constexpr int64_t kWords = 29, kWidth = 16, kInner = 21;
constexpr double kTolerance = 1e-5;  // of the largest value

// A language model of no context: a table, a layer with dropout, an output layer.
struct Words {
  std::vector<float> values = test::random_floats(kWords * kWidth + kInner * kWidth + 64 + kWords * kInner + 7, 5);
  std::vector<float> gradients = std::vector<float>(values.size());
  std::vector<int32_t> ids, next;

  void say(int64_t count, int64_t from) {
    ids.clear();
    for (int64_t i = 0; i <= count; ++i) ids.push_back(static_cast<int32_t>((from + i * i * 5) % kWords));
    next.assign(ids.begin() + 1, ids.end());
    ids.pop_back();
  }
  CrossEntropy record(Graph& graph) {
    std::size_t at = 0;
    const auto parameter = [&](int64_t rows, int64_t cols, int64_t room) {
      const Value v = graph.parameter({rows, cols}, &values[at], &gradients[at]);
      at += static_cast<std::size_t>(room);
      return v;
    };
    const Shape column{static_cast<int64_t>(ids.size()), 1};
    const Value table = parameter(kWords, kWidth, kWords * kWidth), weight = parameter(kInner, kWidth, kInner * kWidth);
    const Value bias = parameter(1, kInner, 64), out = parameter(kWords, kInner, kWords * kInner);
    const Value x = embed(graph, table, graph.constant(column, ids.data()), {}, {}, 2, 0.1f);
    const Value y = linear(graph, x, weight, bias, Activation::relu, 0.2f);
    return cross_entropy(graph, y, out, {}, graph.constant(column, next.data()), 0.1f, 0.25f);
  }
};

struct Outcome {
  std::array<double, 2> totals;
  std::vector<float> gradients;
};

Outcome on_cpu(Words& words, uint64_t number) {
  std::ranges::fill(words.gradients, 0.0f);
  Graph graph(true);
  const auto loss = words.record(graph);
  const test::Once once(graph, 7, number);
  once.forward();
  const double* totals = once.run.data<double>(loss.totals);
  once.backward();
  return {{totals[0], totals[1]}, words.gradients};
}

Outcome on_device(Device& device, Words& words, uint64_t number) {
  std::ranges::fill(words.gradients, 0.0f);
  device.upload(words.gradients);
  Graph graph(true);
  const auto loss = words.record(graph);
  const Plan plan = make_plan(graph);
  device.run(graph, plan, 7, number);
  Outcome got;
  device.wait(device.fetch(graph, plan, loss.totals, got.totals.data()));
  device.download(words.gradients);
  got.gradients = words.gradients;
  return got;
}

std::vector<float> as_bf16(std::span<const float> x) {
  std::vector<Bf16> rounded(x.size());
  round_to_bf16(x.data(), rounded.data(), static_cast<int64_t>(x.size()));
  std::vector<float> values(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const uint32_t bits = static_cast<uint32_t>(rounded[i]) << 16;
    __builtin_memcpy(&values[i], &bits, sizeof bits);
  }
  return values;
}

// x [rows, in] times w [n, in] transposed
std::vector<float> product(std::span<const float> x, std::span<const float> w, int64_t rows, int64_t in, int64_t n) {
  std::vector<float> y;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t c = 0; c < in; ++c)
        sum += static_cast<double>(x[static_cast<std::size_t>(r * in + c)]) *
               static_cast<double>(w[static_cast<std::size_t>(i * in + c)]);
      y.push_back(static_cast<float>(sum));
    }
  return y;
}

}  // namespace

TEST_CASE("a device: batches of one shape, met again and again, are the CPU's, each with its own words and dropout") {
  const auto device = cuda::open_device(0);
  Words here, there;
  device->mirror(there.values);
  device->mirror(there.gradients);
  for (uint64_t number = 1; number <= 6; ++number) {
    // Two shapes in turn; the last batch of each is one that was before, to the bit.
    const auto like = static_cast<int64_t>(number > 4 ? number - 4 : number);
    here.say(number % 2 ? 40 : 23, like);
    there.say(number % 2 ? 40 : 23, like);
    const Outcome want = on_cpu(here, static_cast<uint64_t>(like)),
                  got = on_device(*device, there, static_cast<uint64_t>(like));
    CHECK(std::abs(got.totals[0] - want.totals[0]) < kTolerance * want.totals[0]);
    CHECK(relative_error(got.gradients, want.gradients) < kTolerance);
  }
}

TEST_CASE("a device: products of bf16 are those of the rounded operands, also after the weights have changed") {
  const auto device = cuda::open_device(0);
  constexpr int64_t rows = 128, in = 129, n = 64;  // enough for rounding to pay off
  const auto x = test::random_floats(rows * in, 1);
  std::vector<float> w = test::random_floats(n * in, 2), dw(w.size());
  device->mirror(w);
  device->mirror(dw);
  device->set_products(ProductPrecision::bf16);
  for (int step = 0; step < 3; ++step) {
    Graph graph(false);
    const Value y =
        linear(graph, graph.constant({rows, in}, x.data()), graph.parameter({n, in}, w.data(), nullptr), {});
    graph.keep(y);
    const Plan plan = make_plan(graph);
    device->run(graph, plan, 0, 0);
    std::vector<float> got(rows * n);
    device->read(graph, plan, y, got.data());
    device->download(w);
    const auto want = product(as_bf16(x), as_bf16(w), rows, in, n), exact = product(x, w, rows, in, n);
    CHECK(relative_error(got, want) < kTolerance);
    CHECK(relative_error(got, exact) > 1e-4);
    const auto change = test::random_floats(n * in, static_cast<uint64_t>(7 + step));
    if (step == 0) {
      std::ranges::copy(change, w.begin());
      device->upload(w);
    } else {
      std::ranges::copy(change, dw.begin());
      device->upload(dw);
      std::vector<float> momentum(w.size());
      device->mirror(momentum);
      const std::array<std::span<float>, 1> state{momentum};
      device->update(w, dw, state, {.rule = "nesterov", .factors = {0, 0.5f}}, 1);
      device->forget(momentum);
    }
  }
}

TEST_CASE("a device: what is too small for rounding in forward is so in backward") {
  const auto device = cuda::open_device(0);
  Words words;
  const std::vector<float> ones(kWidth, 1.0f);
  constexpr int32_t target = 3;
  std::vector<float>&values = words.values, &gradients = words.gradients;
  constexpr std::size_t kBias = kInner * kWidth, kOut = kBias + 64;
  device->mirror(values);
  device->mirror(gradients);
  device->set_products(ProductPrecision::bf16);
  Graph graph(true);
  const Value weight = graph.parameter({kInner, kWidth}, values.data(), gradients.data()),
              bias = graph.parameter({1, kInner}, &values[kBias], &gradients[kBias]),
              out = graph.parameter({kWords, kInner}, &values[kOut], &gradients[kOut]);
  const Value y = linear(graph, graph.constant({1, kWidth}, ones.data()), weight, bias);
  cross_entropy(graph, y, out, {}, graph.constant({1, 1}, &target), 0, 1);
  device->run(graph, make_plan(graph), 7, 1);
  device->download(gradients);
  for (std::size_t i = 0; i < kInner; ++i)  // of one row of ones: what the bias gets, which takes part in no product
    CHECK(gradients[i * kWidth] == gradients[kBias + i]);
}

TEST_CASE("a device: a batch in bf16 is near the one in f32, and not the same; f16 is refused for training") {
  const auto device = cuda::open_device(0);
  Words words;
  words.say(50, 3);
  const Outcome want = on_cpu(words, 1);
  device->mirror(words.values);
  device->mirror(words.gradients);
  device->set_products(ProductPrecision::bf16);
  const Outcome rounded = on_device(*device, words, 1);
  CHECK(relative_error(rounded.gradients, want.gradients) < 3e-2);
  CHECK(relative_error(rounded.gradients, want.gradients) > 1e-4);
  CHECK(std::abs(rounded.totals[0] - want.totals[0]) < 1e-2 * want.totals[0]);
  const Outcome again = on_device(*device, words, 1);
  CHECK(again.gradients == rounded.gradients);
  device->set_products(ProductPrecision::f16);
  CHECK_THROWS_AS(on_device(*device, words, 1), Error);
  device->set_products(ProductPrecision::f32);
  CHECK(relative_error(on_device(*device, words, 1).gradients, want.gradients) < kTolerance);
}

TEST_CASE("a device: fetched results come in their order, each of its own run") {
  const auto device = cuda::open_device(0);
  Words words;
  device->mirror(words.values);
  device->mirror(words.gradients);
  std::vector<std::array<double, 2>> got(5), want(5);
  std::vector<uint64_t> numbers;
  for (std::size_t i = 0; i < got.size(); ++i) {
    words.say(20 + static_cast<int64_t>(i), 1);
    Graph graph(true);
    const auto loss = words.record(graph);
    const Plan plan = make_plan(graph);
    device->run(graph, plan, 7, i);
    numbers.push_back(device->fetch(graph, plan, loss.totals, got[i].data()));
    want[i] = on_cpu(words, i).totals;
  }
  device->wait(numbers[2]);
  for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(got[i][0] - want[i][0]) < kTolerance * want[i][0]);
  device->wait(numbers[1]);  // it is there
  device->wait(numbers[4]);
  for (std::size_t i = 3; i < 5; ++i) CHECK(std::abs(got[i][1] - want[i][1]) < kTolerance * want[i][1]);
}

TEST_CASE("a device: an update clipped by a norm that nobody waited for is the one clipped by the host") {
  const auto device = cuda::open_device(0);
  constexpr int64_t n = 1000;
  for (const bool nesterov : {false, true})
    for (const double clip : {0.0, 0.5, 1e6}) {
      Update update{.rule = "adam", .factors = {0.9f, 0.98f, 0.1f, 0.02f, 1, 7, 1e-3f}};
      if (nesterov) update = {.rule = "nesterov", .factors = {0.9f, 0.1f}};
      std::array<std::vector<float>, 4> mine, theirs;  // values, gradients, state
      for (auto* all : {&mine, &theirs})
        for (std::size_t i = 0; i < 4; ++i) {
          (*all)[i] = i < 2 ? test::random_floats(n, i) : std::vector<float>(n);
          device->mirror((*all)[i]);
        }
      const auto state = [](auto& of) { return std::array<std::span<float>, 2>{of[2], of[3]}; };
      const auto of_mine = state(mine), of_theirs = state(theirs);
      const double norm = device->norm(mine[1]);
      CHECK(std::abs(norm - gradient_norm(mine[1])) < kTolerance * norm);
      device->update(mine[0], mine[1], of_mine, update, clip_scale(norm, clip));
      double fetched = 0;
      const uint64_t number = device->fetch_norm(theirs[1], &fetched);
      device->clipped_update(theirs[0], theirs[1], of_theirs, update, clip);
      device->wait(number);
      CHECK(fetched == norm);
      for (std::size_t i = 0; i < 4; ++i) {
        device->download(mine[i]);
        device->download(theirs[i]);
        CHECK(mine[i] == theirs[i]);
        device->forget(mine[i]);
        device->forget(theirs[i]);
      }
    }
}

TEST_CASE("a device: constants larger than all before them come whole, and those that change are noticed") {
  const auto device = cuda::open_device(0);
  std::vector<float> table = test::random_floats(kWords, 3);
  device->mirror(table);
  std::vector<int32_t> ids(300'000);
  for (int run = 0; run < 3; ++run) {
    for (std::size_t i = 0; i < ids.size(); ++i)
      ids[i] = static_cast<int32_t>((i * 7 + i / 1000 + static_cast<std::size_t>(run)) % kWords);
    const Shape column{static_cast<int64_t>(ids.size()), 1};
    Graph graph(false);
    const Value y = embed(graph, graph.parameter({kWords, 1}, table.data(), nullptr),
                          graph.constant(column, ids.data()), {}, {}, 1);
    graph.keep(y);
    const Plan plan = make_plan(graph);
    device->run(graph, plan, 0, 0);
    std::vector<float> got(ids.size());
    device->read(graph, plan, y, got.data());
    bool same = true;
    for (std::size_t i = 0; i < ids.size(); ++i) same = same && got[i] == table[static_cast<std::size_t>(ids[i])];
    CHECK(same);
  }
  constexpr int64_t rows = 70, in = 60, n = 3;  // a constant of more than 16 KiB of floats
  auto x = test::random_floats(rows * in, 1);
  const auto w = test::random_floats(n * in, 2);
  for (int run = 0; run < 3; ++run) {
    Graph graph(false);
    const Value y = linear(graph, graph.constant({rows, in}, x.data()), graph.constant({n, in}, w.data()), {});
    graph.keep(y);
    const Plan plan = make_plan(graph);
    device->run(graph, plan, 0, 0);
    std::vector<float> got(rows * n);
    device->read(graph, plan, y, got.data());
    CHECK(relative_error(got, product(x, w, rows, in, n)) < kTolerance);
    x.back() += 1;
  }
}
