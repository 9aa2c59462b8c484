#include "tests/ops/check.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "tests/catch.h"
#include "tests/ops/once.h"

namespace storm::test {

namespace {

// Its gradient is the weights.
void sum_forward(const Execution& run, const Node& node) {
  const float *y = run.data(node.inputs[0]), *w = run.data(node.inputs[1]);
  const int64_t n = run.shape(node.inputs[1]).size();
  double& sum = run.data<double>(node.outputs[0])[0] = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(y[i]) * static_cast<double>(w[i]);
  if (float* d = run.gradient(node.inputs[0])) std::copy(w, w + n, d);
}
constexpr std::ptrdiff_t kMargin = 16;  // floats

constexpr Op kWeightedSum{"a test's weighted sum", sum_forward, nullptr, true};

double dot(const Doubles& a, const std::vector<float>& w) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * static_cast<double>(w[i]);
  return sum;
}

void check_close(const float* got, const Doubles& want, double tolerance, const char* what) {
  double largest = 1e-3;
  for (const double x : want) largest = std::max(largest, std::abs(x));
  double worst = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double off = std::abs(static_cast<double>(got[i]) - want[i]);
    if (!(off <= worst) && !std::isnan(worst)) worst = off, where = i;  // a NaN is the worst of all
  }
  INFO(what << ": element " << where << " is " << (want.empty() ? 0.f : got[where]) << ", wanted "
            << (want.empty() ? 0. : want[where]));
  CHECK(worst <= allowed(tolerance) * largest);
}

}  // namespace

Value weighted_sum(Graph& graph, Value y, const float* weights) {
  const Node node{.op = &kWeightedSum, .inputs = {y, graph.constant(graph.shape(y), weights)}};
  const Value sum = graph.record(node, {{{1, 1}, DType::F64}}, 0);
  graph.keep(sum);
  return sum;
}

std::vector<float> random_floats(std::size_t n, uint64_t seed) {
  RandomStream random(seed, RandomUse::initial_weights, 77);
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(2 * random.uniform() - 1);
  return x;
}

void check_op(const OpCase& c) {
  std::vector<std::vector<float>> data, gradients;
  std::vector<Doubles> exact;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    data.push_back(random_floats(static_cast<std::size_t>(c.inputs[i].size()), c.seed * 100 + i));
    for (float& x : data[i]) x *= static_cast<float>(c.scale);
    // Whatever lies in a parameter's gradient must be added to, so something does; what lies around it must be let be.
    gradients.emplace_back(kMargin + data[i].size() + kMargin, 0.5f);
    exact.emplace_back(data[i].begin(), data[i].end());
  }
  const Doubles want = c.reference(exact);
  const auto weights = random_floats(want.size(), c.seed * 100 + 99);

  // Inputs once as parameters (gradients are added to 0.5) and once without gradients at all.
  Graph graph(true);
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    inputs.push_back(graph.parameter(c.inputs[i], data[i].data(), gradients[i].data() + kMargin));
  const Value y = c.record(graph, inputs);
  REQUIRE(graph.shape(y).size() == static_cast<int64_t>(want.size()));
  graph.keep(y);
  weighted_sum(graph, y, weights.data());
  const Once once(graph);
  once.forward();
  check_close(once.run.data(y), want, c.tolerance, "forward");
  once.backward();

  for (std::size_t i = 0; i < exact.size(); ++i) {
    Doubles slope(exact[i].size());
    for (std::size_t j = 0; j < exact[i].size(); ++j) {
      const double x = exact[i][j], h = 1e-5 * std::max(1.0, std::abs(x));
      exact[i][j] = x + h;
      const double up = dot(c.reference(exact), weights);
      exact[i][j] = x - h;
      const double down = dot(c.reference(exact), weights);
      exact[i][j] = x;
      slope[j] = (up - down) / (2 * h);
    }
    for (float& g : gradients[i]) g -= 0.5f;
    const auto size = static_cast<std::ptrdiff_t>(slope.size());
    const auto around = [](auto from) { return std::all_of(from, from + kMargin, [](float g) { return g == 0; }); };
    CHECK((around(gradients[i].begin()) && around(gradients[i].begin() + kMargin + size)));
    check_close(gradients[i].data() + kMargin, slope,
                std::max(c.tolerance, 2e-7 / std::max(1e-3, std::abs(*std::max_element(slope.begin(), slope.end())))),
                ("gradient of input " + std::to_string(i)).c_str());
  }

  Graph inference(false);
  std::vector<Value> constants;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    constants.push_back(inference.constant(c.inputs[i], data[i].data()));
  const Value again = c.record(inference, constants);
  inference.keep(again);
  const Once second(inference);
  second.forward();
  check_close(second.run.data(again), want, c.tolerance, "forward without gradients");
}

}  // namespace storm::test
