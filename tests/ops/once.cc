// The tests' own look for writes outside of what a node may write finds them.
#include "tests/ops/once.h"

#include "tests/ops/check.h"

using namespace storm;

namespace {

constexpr int64_t kRows = 4, kCols = 8;  // two lines of 64 bytes: nothing lies unused behind them by rounding

// A copy that adds to one float more, so far from where a place begins; NaN as it may be, it is another one then.
struct Stray {
  enum class Place : uint8_t { nowhere, output, scratch, input, gradient, scratch_backward } place;
  int64_t at;
};

void forward(const Execution& run, const Node& node) {
  const auto [place, at] = node.attributes<Stray>();
  const float* x = run.data(node.inputs[0]);
  std::copy(x, x + kRows * kCols, run.data(node.outputs[0]));
  if (place == Stray::Place::output) run.data(node.outputs[0])[at] += 1;
  if (place == Stray::Place::scratch) run.scratch_forward(node)[at] += 1;
  if (place == Stray::Place::input) run.data(node.inputs[0])[at] += 1;
}

void backward(const Execution& run, const Node& node) {
  const auto [place, at] = node.attributes<Stray>();
  float* dx = run.gradient(node.inputs[0]);
  const float* dy = run.gradient(node.outputs[0]);
  for (int64_t i = 0; i < kRows * kCols; ++i) dx[i] = dy[i] + run.beta(node, 0) * dx[i];
  if (place == Stray::Place::gradient) dx[at] += 1;
  if (place == Stray::Place::scratch_backward) run.scratch_backward(node)[at] += 1;
}

constexpr Op kStray{"astray", forward, backward};

// What is found of the second of two such nodes, in forward and in backward.
std::string found(Stray stray) {
  const auto x = test::random_floats(kRows * kCols, 1), weights = test::random_floats(kRows * kCols, 2);
  std::vector<float> dx(x.size());
  Graph graph(true);
  Value v = graph.parameter({kRows, kCols}, x.data(), dx.data());
  for (const Stray& s : {Stray{}, stray}) {
    Node node{.op = &kStray, .inputs = {v}};
    node.scratch_forward = node.scratch_backward = kRows * kCols * sizeof(float);
    v = graph.record(node, {{{kRows, kCols}}}, s);
  }
  test::weighted_sum(graph, v, weights.data());
  const test::Once once(graph);
  const auto nodes = graph.nodes();
  std::string all;
  for (const Node& node : nodes) all += once.strays(node, false);
  for (const std::size_t i : {1, 0}) all += once.strays(nodes[i], true);
  return all;
}

}  // namespace

TEST_CASE("a node that writes one float before or behind what is its own, or into what it may only read, is found") {
  using enum Stray::Place;
  CHECK(found({nowhere, 0}) == "");
  for (const auto place : {output, scratch, gradient, scratch_backward}) {
    INFO("place " << static_cast<int>(place));
    const bool back = place == gradient || place == scratch_backward;
    for (const int64_t at : {int64_t{-1}, kRows * kCols})
      CHECK(found({place, at}).starts_with(back ? "astray backward writes at byte" : "astray forward writes at byte"));
    CHECK(found({place, 0}) == "");
    CHECK(found({place, kRows * kCols - 1}) == "");
  }
  CHECK(found({input, 3}).starts_with("astray forward writes at byte"));
}
