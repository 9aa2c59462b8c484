// How layers begin, and what the Transformer's blocks are beside the formulas of the paper.
#include <cmath>

#include "nn/linear_layer.h"
#include "nn/positions.h"
#include "nn/transformer_block.h"
#include "tensor/workspace.h"
#include "tests/catch.h"

using namespace storm;

namespace {

double bound_of(std::span<const float> values) {
  double most = 0;
  for (const float x : values) most = std::max(most, std::abs(static_cast<double>(x)));
  return most;
}

// x's rows times a weight [out, in] and a bias, in double precision.
std::vector<double> times(std::span<const double> x, const Parameters& p, const std::string& name, std::size_t in) {
  const auto w = p.view(name + ".weight"), b = p.view(name + ".bias");
  std::vector<double> y;
  for (std::size_t r = 0; r < x.size() / in; ++r)
    for (std::size_t o = 0; o < b.size(); ++o) {
      double sum = static_cast<double>(b[o]);
      for (std::size_t i = 0; i < in; ++i) sum += x[r * in + i] * static_cast<double>(w[o * in + i]);
      y.push_back(sum);
    }
  return y;
}

// The layer norm of each row, with gain and bias.
std::vector<double> normed(std::span<const double> x, const Parameters& p, const std::string& name, std::size_t d) {
  const auto gain = p.view(name + ".weight"), bias = p.view(name + ".bias");
  std::vector<double> y;
  for (std::size_t r = 0; r < x.size() / d; ++r) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < d; ++i) mean += x[r * d + i] / static_cast<double>(d);
    for (std::size_t i = 0; i < d; ++i)
      variance += (x[r * d + i] - mean) * (x[r * d + i] - mean) / static_cast<double>(d);
    for (std::size_t i = 0; i < d; ++i)
      y.push_back((x[r * d + i] - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(gain[i]) +
                  static_cast<double>(bias[i]));
  }
  return y;
}

}  // namespace

TEST_CASE("a linear layer begins within Xavier's bound of each of its parts, or within PyTorch's") {
  ParameterList list;
  LinearLayer::declare(list, "xavier", 300, 900, 3);
  LinearLayer::declare(list, "half", 300, 900, 3, {LinearInit::Rule::xavier, 0.5});
  LinearLayer::declare(list, "pytorch", 300, 900, 3, {LinearInit::Rule::fan_in});
  Parameters p(list.take());
  p.initialize(1);
  const double xavier = std::sqrt(6.0 / 600), fan_in = 1 / std::sqrt(300.0);
  const auto close = [](double found, double bound) { return found <= bound && found > 0.999 * bound; };
  CHECK(close(bound_of(p.view("xavier.weight")), xavier));
  CHECK(bound_of(p.view("xavier.bias")) == 0);
  CHECK(close(bound_of(p.view("half.weight")), xavier / 2));
  CHECK(close(bound_of(p.view("pytorch.weight")), fan_in));
  CHECK(bound_of(p.view("pytorch.bias")) <= fan_in);
  CHECK(bound_of(p.view("pytorch.bias")) > 0.98 * fan_in);
}

TEST_CASE("sinusoids are the paper's, and a longer table begins as the shorter one") {
  const SinusoidTable table(6, SinusoidLayout::interleaved);
  const float* few = table.rows(3);
  const float* many = table.rows(1000);
  for (int64_t p = 0; p < 3; ++p)
    for (int64_t i = 0; i < 6; ++i) {
      const double angle = static_cast<double>(p) / std::pow(10000.0, static_cast<double>(i / 2 * 2) / 6);
      CHECK(few[p * 6 + i] == Approx(i % 2 == 0 ? std::sin(angle) : std::cos(angle)).margin(1e-7));
      CHECK(few[p * 6 + i] == many[p * 6 + i]);
    }
}

TEST_CASE("halves are the interleaved sinusoids, sines before cosines, of odd widths too") {
  for (const int64_t d : {6, 7}) {
    const SinusoidTable interleaved(d, SinusoidLayout::interleaved), halves(d, SinusoidLayout::halves);
    for (int64_t p = 0; p < 3; ++p)
      for (int64_t i = 0, sines = (d + 1) / 2; i < d; ++i)
        CHECK(halves.rows(3)[p * d + i] == interleaved.rows(3)[p * d + (i < sines ? 2 * i : 2 * (i - sines) + 1)]);
  }
}

TEST_CASE("the residual stream is the paper's in post-norm, and x + sublayer(norm(x)) in pre-norm") {
  constexpr std::size_t d = 4, inner = 6, rows = 3;
  for (const bool pre_norm : {false, true}) {
    BlockShape shape{.d_model = d, .d_ff = inner, .heads = 1, .d_k = d, .d_v = d, .pre_norm = pre_norm};
    ParameterList list;
    const auto ffn = FeedForward::declare(list, "ffn", shape, {});
    std::vector<NormLayer> norms{NormLayer::declare(list, "norm", d)};
    if (pre_norm) norms.push_back(NormLayer::declare(list, "last", d));
    Parameters p(list.take());
    p.initialize(3);
    for (const auto& spec : p.specs())  // gains and biases that are seen
      for (std::size_t i = 0; i < p.view(spec.name).size(); ++i)
        p.view(spec.name)[i] += 0.1f * static_cast<float>(i % 3);

    std::vector<float> x(rows * d);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sin(1.0 + static_cast<double>(i)));
    Workspace workspace;
    Graph& graph = workspace.graph;
    ResidualStream stream(graph, p, shape, norms, graph.constant({rows, d}, x.data()));
    ffn(graph, p, shape, stream);
    graph.keep(stream.input());
    workspace.run();
    const float* got = workspace.data(stream.input());

    const std::vector<double> from(x.begin(), x.end());
    auto up = times(pre_norm ? normed(from, p, "norm", d) : from, p, "ffn.up", d);
    for (double& v : up) v = std::max(v, 0.0);
    auto sum = times(up, p, "ffn.down", inner);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += from[i];
    const auto want = normed(sum, p, pre_norm ? "last" : "norm", d);
    for (std::size_t i = 0; i < want.size(); ++i) CHECK(static_cast<double>(got[i]) == Approx(want[i]).margin(2e-6));
  }
}
