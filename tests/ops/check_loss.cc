#include "tests/ops/check_loss.h"

#include <algorithm>
#include <cmath>

#include "ops/columns.h"
#include "tests/catch.h"
#include "tests/ops/once.h"

namespace storm::test {

void check_loss(const LossCase& c) {
  constexpr double kScale = 0.25;
  auto x = random_floats(static_cast<std::size_t>(c.input.size()), 1);
  for (float& v : x) v *= static_cast<float>(c.scale);
  Doubles exact(x.begin(), x.end());
  const double want = c.reference(exact), allowed_loss = allowed(1e-6) * std::max(1.0, std::abs(want));
  for (const bool computed : {false, true}) {
    std::vector<float> gradient(x.size(), 0.5f);
    Graph graph(true);
    const Value parameter = graph.parameter(c.input, x.data(), gradient.data());
    const Value totals =
        c.record(graph, computed ? columns(graph, parameter, 0, c.input.cols) : parameter, static_cast<float>(kScale));
    const Once once(graph);
    once.forward();
    once.backward();
    INFO((computed ? "of a computed value" : "of a parameter"));
    for (const int i : {0, 1}) CHECK(std::abs(once.run.data<double>(totals)[i] - want) <= allowed_loss);
    check_slopes("x", exact, gradient, kScale, 1e-6, [&] { return c.reference(exact); });
  }
  CHECK(std::abs(loss_of(c, x) - want) <= allowed_loss);
}

void check_slopes(const char* what, Doubles& x, const std::vector<float>& got, double scale, double tolerance,
                  const std::function<double()>& f) {
  double largest = 1e-3, worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = x[i], h = 1e-5;
    x[i] = at + h;
    const double up = f();
    x[i] = at - h;
    const double slope = scale * (up - f()) / (2 * h), off = std::abs(static_cast<double>(got[i]) - 0.5 - slope);
    x[i] = at;
    largest = std::max(largest, std::abs(slope));
    if (!(off <= worst) && !std::isnan(worst)) worst = off;
  }
  INFO(what);
  // The gradients were added to 0.5: they are known to half a unit in its last place.
  CHECK(worst <= allowed(tolerance) * largest + 1.2e-7);
}

double loss_of(const LossCase& c, const std::vector<float>& x) {
  Graph graph(false);
  const Value totals = c.record(graph, graph.constant(c.input, x.data()), 1);
  const Once once(graph);
  once.forward();
  return once.run.data<double>(totals)[0];
}

}  // namespace storm::test
