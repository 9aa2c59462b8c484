// Schedules, Adam, the gradient's norm, against formulas in double precision.
#include "train/optimizer.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "tests/catch.h"
#include "train/decay_turns.h"
#include "train/gradient_norm.h"
#include "train/schedule.h"

using namespace storm;

TEST_CASE("inverse-sqrt is the paper's formula, and its peak is --lr at the end of the warm-up") {
  const double d_model = 512;
  const int64_t warmup = 4000;
  const Schedule s{Schedule::Kind::inverse_sqrt, 1 / std::sqrt(d_model * warmup), warmup, 0};
  for (const int64_t step : {1, 10, 3999, 4000, 4001, 100000}) {
    const auto t = static_cast<double>(step);
    const double paper = std::pow(d_model, -0.5) * std::min(std::pow(t, -0.5), t * std::pow(warmup, -1.5));
    CHECK(s.rate(step) == Approx(paper).epsilon(1e-12));
  }
  CHECK(s.rate(warmup) == Approx(s.peak).epsilon(1e-15));
}

TEST_CASE("constant, linear and cosine rise to the peak and end where they should") {
  const Schedule constant{Schedule::Kind::constant, 0.5, 10, 0}, linear{Schedule::Kind::linear, 0.5, 10, 110},
      cosine{Schedule::Kind::cosine, 0.5, 10, 110};
  for (const Schedule& s : {constant, linear, cosine}) {
    CHECK(s.rate(1) == Approx(0.05).epsilon(1e-12));
    CHECK(s.rate(10) == Approx(0.5).epsilon(1e-12));
  }
  CHECK(constant.rate(1000000) == 0.5);
  CHECK(linear.rate(60) == Approx(0.25).epsilon(1e-12));
  CHECK(linear.rate(85) == Approx(0.125).epsilon(1e-12));
  CHECK(cosine.rate(60) == Approx(0.25).epsilon(1e-12));
  CHECK(cosine.rate(35) == Approx(0.25 * (1 + std::cos(std::numbers::pi / 4))).epsilon(1e-12));
  for (const Schedule& s : {linear, cosine}) {
    CHECK(s.rate(110) == Approx(0).margin(1e-12));
    CHECK(s.rate(1000) == Approx(0).margin(1e-12));
  }
}

TEST_CASE("a schedule with restarts begins again at the peak, at equal distances, and ends at 0") {
  for (const auto kind : {Schedule::Kind::linear, Schedule::Kind::cosine}) {
    const Schedule once{kind, 2, 10, 40}, thrice{kind, 2, 10, 100, 2};
    for (int64_t step = 1; step <= 39; ++step) {
      CHECK(thrice.rate(step) == Approx(once.rate(step)).epsilon(1e-12));
      if (step >= 10) CHECK(thrice.rate(step + 30) == Approx(once.rate(step)).epsilon(1e-9));
      if (step >= 10) CHECK(thrice.rate(step + 60) == Approx(once.rate(step)).epsilon(1e-9));
    }
    CHECK(thrice.rate(40) == 2);
    CHECK(thrice.rate(100) == 0);
  }
}

TEST_CASE("without a warm-up the first step has the peak") {
  CHECK(Schedule{Schedule::Kind::inverse_sqrt, 0.5, 0, 0}.rate(1) == 0.5);
  CHECK(Schedule{Schedule::Kind::constant, 0.5, 0, 0}.rate(1) == 0.5);
  CHECK_THROWS_AS(schedule_from_name("step"), UsageError);
}

TEST_CASE("Adam moves parameters as its formulas in double precision say") {
  constexpr std::size_t n = 4096 * 3 + 5;
  OptimizerOptions options;
  options.weight_decay = 0.1;
  const double rate = 0.01;
  const float scale = 0.5;
  RandomStream random(1, RandomUse::sampling);
  std::vector<float> p(n), g(n);
  for (float& x : p) x = static_cast<float>(random.normal());
  std::vector<double> p2(p.begin(), p.end()), m(n), v(n);
  Optimizer adam(n, options);
  for (int64_t step = 1; step <= 5; ++step) {
    for (std::size_t i = 0; i < n; ++i) g[i] = i % 10 == 0 ? 0.0f : static_cast<float>(random.normal());
    const auto gradients = g;
    adam.update(p, g, step, rate, scale);
    REQUIRE(std::ranges::all_of(g, [](float x) { return x == 0; }));
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double gradient = static_cast<double>(gradients[i]) * scale;
      m[i] = 0.9 * m[i] + 0.1 * gradient;
      v[i] = 0.98 * v[i] + 0.02 * gradient * gradient;
      const auto t = static_cast<double>(step);
      const double mean = m[i] / (1 - std::pow(0.9, t)), variance = v[i] / (1 - std::pow(0.98, t));
      p2[i] = p2[i] * (1 - rate * 0.1) - rate * mean / (std::sqrt(variance) + 1e-9);
      worst = std::max(worst, std::abs(p2[i] - static_cast<double>(p[i])));
    }
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("Nesterov's momentum moves parameters as its formulas in double precision say") {
  constexpr std::size_t n = 4096 * 3 + 5;
  RandomStream random(1, RandomUse::sampling);
  std::vector<float> p(n), g(n);
  for (float& x : p) x = static_cast<float>(random.normal());
  // As Nesterov has it, the gradient is taken one step of momentum ahead: `ahead` is what the parameters stand for.
  std::vector<double> at(p.begin(), p.end()), velocity(n);
  OptimizerOptions options;
  options.name = "nesterov";
  options.numbers["momentum"] = 0.9;
  Optimizer optimizer(n, options);
  for (int64_t step = 1; step <= 6; ++step) {
    const double rate = 0.05;
    for (float& x : g) x = static_cast<float>(random.normal());
    const auto gradients = g;
    optimizer.update(p, g, step, rate, 0.5f);
    REQUIRE(std::ranges::all_of(g, [](float x) { return x == 0; }));
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
      velocity[i] = 0.9 * velocity[i] - rate * 0.5 * static_cast<double>(gradients[i]);  // Sutskever et al., equation 3
      at[i] += velocity[i];                                                              // equation 4
      const double ahead = at[i] + 0.9 * velocity[i];
      worst = std::max(worst, std::abs(ahead - static_cast<double>(p[i])));
    }
    CHECK(worst < 2e-6);
  }
  std::vector<float> decayed{1}, none{0};
  options.weight_decay = 0.1;
  Optimizer(1, options).update(decayed, none, 1, 0.5);
  CHECK(decayed[0] == Approx(0.95).margin(1e-6));
}

TEST_CASE(
    "matrices decay and vectors do not, unless they are asked to, with either optimizer and any number of threads") {
  Parameters parameters({{.name = "gain", .shape = {1, 5}, .vector = true},
                         {.name = "bias", .shape = {1, 16}, .vector = true},
                         {.name = "row", .shape = {1, 33}},  // a matrix of one row
                         {.name = "large", .shape = {90, 91}},
                         {.name = "long", .shape = {1, 9000}, .vector = true},
                         {.name = "last", .shape = {2, 3}}});
  parameters.allocate_gradients();
  CHECK(turns_at_vectors(parameters) == std::vector<int64_t>{0, 32, 32 + 48 + 8192, 32 + 48 + 8192 + 9008});
  const int most = omp_get_max_threads();
  for (const OptimizerKind* kind : optimizer_kinds())
    for (const bool decay_vectors : {false, true})
      for (const int threads : {1, 3}) {
        omp_set_num_threads(threads);
        OptimizerOptions options;
        options.name = kind->name;
        options.decay_vectors = decay_vectors;
        options.weight_decay = 0.1;
        Optimizer optimizer(parameters, options);
        std::ranges::fill(parameters.values(), 2.0f);
        optimizer.update(parameters.values(), parameters.gradients(), 1, 0.5, 1);  // of no gradients: it only decays
        for (const auto& spec : parameters.specs()) {
          INFO(spec.name << ", " << threads << " threads");
          const auto view = parameters.view(spec.name);
          const float want = spec.vector && !decay_vectors ? 2.0f : static_cast<float>(1 - 0.5 * 0.1) * 2;
          CHECK(std::ranges::all_of(view, [&](float x) { return x == want; }));
        }
      }
  omp_set_num_threads(most);
}

TEST_CASE("optimizers have names, and buffers that a checkpoint can hold") {
  for (const auto& [name, buffers] :
       {std::pair<std::string, std::vector<std::string>>{"adam", {"adam.m", "adam.v"}}, {"nesterov", {"nesterov.m"}}}) {
    OptimizerOptions options;
    options.name = name;
    CHECK(options.kind().buffers == buffers);
    std::vector<std::string> found;
    const Optimizer optimizer(7, options);
    for (const auto& state : optimizer.state()) {
      found.push_back(state.name);
      CHECK(state.values.size() == 7);
    }
    CHECK(found == buffers);
  }
  CHECK_THROWS_AS(optimizer_kind("sgd"), UsageError);
}

TEST_CASE("the gradient's norm is right, the same for any number of threads, and not finite when a value is not") {
  std::vector<float> g(100'003);
  RandomStream random(2, RandomUse::sampling);
  double squares = 0;
  for (float& x : g) {
    x = static_cast<float>(random.normal());
    squares += static_cast<double>(x) * static_cast<double>(x);
  }
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const double one = gradient_norm(g);
  omp_set_num_threads(3);
  CHECK(gradient_norm(g) == one);
  omp_set_num_threads(threads);
  CHECK(one == Approx(std::sqrt(squares)).epsilon(1e-12));
  g[50'000] = std::numeric_limits<float>::quiet_NaN();
  CHECK(!std::isfinite(gradient_norm(g)));
  g[50'000] = std::numeric_limits<float>::infinity();
  CHECK(!std::isfinite(gradient_norm(g)));
}

TEST_CASE("clipping brings longer gradients to the norm and leaves others alone") {
  CHECK(clip_scale(4, 1) == 0.25f);
  CHECK(clip_scale(0.5, 1) == 1);
  CHECK(clip_scale(1, 1) == 1);
  CHECK(clip_scale(100, 0) == 1);
}
