// Several processes of one run: what they add up, what each of them updates, and the training that they share.
#include "train/replicas.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/log.h"
#include "cpu/gemm.h"
#include "tasks/translation.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"
#include "tests/train/small_run.h"
#include "tests/train/threads_as_replicas.h"
#include "train/gradient_reduction.h"
#include "train/trainer.h"

using namespace storm;

namespace {

// Numbers whose sum depends on the order in which they are added.
std::vector<float> numbers_of(int rank, std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(rank) + 7);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (float& one : x) one = normal(random) * std::exp(3 * normal(random));
  return x;
}

std::vector<float> summed(int size, std::size_t count) {
  auto sum = numbers_of(0, count);
  for (int r = 1; r < size; ++r) {
    const auto more = numbers_of(r, count);
    for (std::size_t i = 0; i < count; ++i) sum[i] += more[i];
  }
  return sum;
}

}  // namespace

TEST_CASE("processes add up in the order of ranks and agree") {
  for (const int size : {1, 2, 3, 5})
    test::ThreadsAsReplicas::run(size, [&](Replicas& replicas) {
      std::vector<double> x{1e16, 1.0, -1e16};
      for (double& one : x) one += replicas.rank();
      std::vector<double> wanted(x.size());
      for (int r = 0; r < size; ++r)
        for (std::size_t i = 0; i < x.size(); ++i) wanted[i] += std::vector<double>{1e16, 1.0, -1e16}[i] + r;
      replicas.sum(x);
      if (x != wanted) throw std::logic_error("another sum");
      if (replicas.any(false) || !replicas.any(replicas.rank() == size - 1)) throw std::logic_error("no agreement");
      for (int from = 0; from < size; ++from) {
        std::vector<std::byte> bytes(replicas.rank() == from ? static_cast<std::size_t>(from) * 3 : 99,
                                     std::byte(replicas.rank()));
        replicas.broadcast(bytes, from);
        if (bytes != std::vector<std::byte>(static_cast<std::size_t>(from) * 3, std::byte(from)))
          throw std::logic_error("another message");
      }
    });
}

TEST_CASE("the pieces of all processes are the whole buffer, each once and in whole cache lines") {
  for (const std::size_t count : {0, 1, 16, 33, 1000, 4096, 5000})
    for (const int size : {1, 2, 3, 7}) {
      const Shards shards(count, size, 1024);
      std::vector<int> owners(count);
      std::size_t most = 0, least = count;
      for (int r = 0; r < size; ++r) {
        std::size_t own = 0;
        for (const Range& range : shards.of(r)) {
          CHECK(range.begin % Shards::kAlign == 0);
          for (std::size_t i = range.begin; i < range.end; ++i) ++owners[i];
          own += range.size();
        }
        most = std::max(most, own);
        least = std::min(least, own);
      }
      CHECK(std::ranges::all_of(owners, [](int n) { return n == 1; }));
      CHECK(most - least <= Shards::kAlign * (shards.buckets() + 1));
    }
}

TEST_CASE("each process gets the sum of its pieces, in the order of ranks, whenever buckets are complete") {
  constexpr std::size_t kCount = 10000;
  for (const int size : {2, 3, 4}) {
    const auto wanted = summed(size, kCount);
    double squares = 0;
    for (const float x : wanted) squares += static_cast<double>(x) * static_cast<double>(x);
    test::ThreadsAsReplicas::run(size, [&](Replicas& replicas) {
      const Shards shards(kCount, size, 1024);  // more buckets than are on their way at a time
      std::vector<float> gradients(kCount);
      GradientReduction reduction(replicas, shards, gradients);
      for (int update = 0; update < 2; ++update) {
        std::ranges::copy(numbers_of(replicas.rank(), kCount), gradients.begin());
        reduction.begin();
        if (replicas.rank() != 1)  // which has no batch, and sends all at the end
          for (std::size_t first = kCount; first > 777; first -= 777) {
            reduction.complete_from(first);
            reduction.progress();
          }
        const double norm = reduction.finish();
        if (std::abs(norm / std::sqrt(squares) - 1) > 1e-12) throw std::logic_error("another norm");
        std::vector<float> own(kCount);
        for (const Range& r : shards.of(replicas.rank()))
          std::copy_n(wanted.begin() + static_cast<std::ptrdiff_t>(r.begin), r.size(),
                      own.begin() + static_cast<std::ptrdiff_t>(r.begin));
        if (gradients != own) throw std::logic_error("another sum");
      }
      const double share = static_cast<double>(kCount) * sizeof(float) * (size - 1) / size;
      if (std::abs(static_cast<double>(replicas.bytes_sent()) / (2 * share) - 1) > 0.02)
        throw std::logic_error("other bytes were sent than each piece once");
    });
  }
}

TEST_CASE("an optimizer of some ranges makes the bits of one of all") {
  const auto model = test::small_model();
  model->parameters().allocate_gradients();
  Parameters& parameters = model->parameters();
  const auto slopes = numbers_of(3, parameters.trained());
  const std::vector<float> before(parameters.values().begin(), parameters.values().end());
  for (const char* name : {"adam", "nesterov"}) {
    OptimizerOptions options;
    options.name = name;
    options.weight_decay = 0.1;
    std::vector<std::vector<float>> after;
    for (const int size : {1, 3}) {
      std::ranges::copy(before, parameters.values().begin());
      const Shards shards(parameters.trained(), size, 1024);
      for (int r = 0; r < size; ++r) {
        Optimizer optimizer(parameters, options, nullptr, shards.of(r));
        for (int64_t step = 1; step <= 3; ++step) {
          std::ranges::copy(slopes, parameters.gradients().begin());
          optimizer.update(parameters.values(), parameters.gradients(), step, 0.01, 0.5f);
        }
        CHECK(optimizer.state()[0].values.size() <= parameters.trained() / static_cast<std::size_t>(size) + 1024);
      }
      after.emplace_back(parameters.values().begin(), parameters.values().end());
    }
    CHECK(after[0] != before);
    CHECK(after[0] == after[1]);
  }
}

TEST_CASE("gradients are complete when backward has passed the first use of their parameters") {
  const auto model = test::small_model();
  Parameters& parameters = model->parameters();
  parameters.allocate_gradients();
  const Translation task(*model, SpecialIds{});
  const test::SmallRun run(10);
  Rows rows;
  for (int64_t i = 0; i < 10; ++i) run.train.append(i, rows);
  const Batch batch = task.batch(rows, 0, 10);
  Graph graph(true);
  task.record(graph, batch, 0.1f, std::vector<float>{1});
  Plan plan;
  make_plan(graph, plan);
  Buffer arena(plan.bytes);
  const Execution execution(graph, plan, arena.data(), 1, 1);
  execution.forward();
  GradientOrder order(graph, parameters.gradients());
  std::vector<std::pair<std::size_t, std::vector<float>>> seen;  // what was said to be complete, and its numbers then
  execution.backward([&](const Node& node) {
    const std::size_t first = order.complete_from(node.number);
    if (!seen.empty() && seen.back().first == first) return;
    const auto rest = parameters.gradients().subspan(first);
    seen.push_back({first, {rest.begin(), rest.end()}});
  });
  REQUIRE(seen.size() > 10);
  CHECK(seen.back().first == 0);
  CHECK(std::ranges::is_sorted(seen, std::ranges::greater(), [](const auto& s) { return s.first; }));
  for (const auto& [first, numbers] : seen) CHECK(std::ranges::equal(numbers, parameters.gradients().subspan(first)));
}

namespace {

struct Trained {
  std::vector<float> values;
  double loss = 0;
};
// The first process's, after all have trained together.
Trained trained_by(int size, const test::SmallRun& run) {
  Trained all;
  test::ThreadsAsReplicas::run(size, [&](Replicas& replicas) {
    const auto model = run.model();
    const Translation task(*model, SpecialIds{});
    Trainer trainer(*model, task, run.data(), run.settings, run.plan, nullptr, replicas);
    trainer.run();
    if (!replicas.is_first()) return;
    const auto values = model->parameters().values();
    all = {{values.begin(), values.end()}, trainer.state().validation.loss};
  });
  return all;
}

}  // namespace

TEST_CASE("processes train as one does, with the same bits each time") {
  set_quiet(true);
  test::SmallRun run(60);
  run.settings.accumulate = 3;
  run.plan.steps = 6;
  for (const char* optimizer : {"nesterov", "adam"}) {
    run.settings.optimizer.name = optimizer;
    const Trained one = trained_by(1, run);
    for (const int size : {2, 3, 4}) {
      const Trained some = trained_by(size, run), again = trained_by(size, run);
      CHECK(some.values == again.values);
      CHECK(some.loss == Approx(one.loss).epsilon(1e-5));
      if (std::string(optimizer) == "adam") continue;  // which makes large steps of what is rounding alone
      float worst = 0;
      for (std::size_t i = 0; i < one.values.size(); ++i)
        worst = std::max(worst, std::abs(one.values[i] - some.values[i]));
      CHECK(worst < 1e-6f);
    }
  }
}
