// What an adaptation makes of a list of parameters.
#include "nn/adaptation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nn/transformer_block.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/errors.h"

using namespace storm;
using test::refused;

namespace {

const BlockShape kShape{.d_model = 8, .d_ff = 12, .heads = 2, .d_k = 4, .d_v = 4};

ParameterList two_layers() {
  ParameterList list;
  list.of_vocabulary(list.add({.name = "embedding.weight", .shape = {10, 8}, .init = ParameterSpec::Init::normal}), 0);
  for (const char* layer : {"layers.0", "layers.1"}) {
    SelfAttention::declare(list, str(layer, ".self"), kShape, {});
    NormLayer::declare(list, str(layer, ".self.norm"), 8);
    FeedForward::declare(list, str(layer, ".ffn"), kShape, {});
  }
  LinearLayer::declare(list, "head", 8, 3);
  return list;
}

Parameters adapted(const Adaptation& adaptation) {
  auto list = two_layers();
  adapt(list, adaptation);
  Parameters p(list.take());
  p.initialize(1);
  return p;
}

std::vector<std::string> trained(const Parameters& p) {
  std::vector<std::string> names;
  for (const auto& spec : p.specs())
    if (spec.trained) names.push_back(spec.name);
  return names;
}

// A layer's output of made-up rows.
std::vector<float> output_of(const Parameters& p, const LinearLayer& layer, Activation activation) {
  std::vector<float> x(3 * 8);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3;
  Workspace workspace;
  const Value y = layer(workspace.graph, p, workspace.graph.constant({3, 8}, x.data()), activation);
  workspace.graph.keep(y);
  workspace.run();
  const float* data = workspace.data(y);
  return {data, data + workspace.graph.shape(y).size()};
}

LinearLayer layer_of(const Parameters& p, const std::string& name) {
  const auto at = [&](const std::string& n) {
    return ParameterId{static_cast<int32_t>(std::ranges::find(p.specs(), n, &ParameterSpec::name) - p.specs().begin())};
  };
  return {at(name + ".weight"), at(name + ".bias")};
}

}  // namespace

TEST_CASE(
    "low-rank updates are of queries and values by default, change nothing at first, and leave all but heads frozen") {
  const Parameters plain(two_layers().take()), p = adapted({.rank = 2, .alpha = 4});
  CHECK(trained(p) == std::vector<std::string>{"head.weight", "head.bias", "layers.0.self.qkv.lora_a",
                                               "layers.0.self.qkv.lora_b", "layers.1.self.qkv.lora_a",
                                               "layers.1.self.qkv.lora_b"});
  const auto& linear = *p.linear(layer_of(p, "layers.1.self.qkv").weight);
  CHECK(linear.updated.size() == 2);
  CHECK(linear.updated[1].first == 16);
  CHECK(linear.scale == 2);
  CHECK(p.view("layers.0.self.qkv.lora_a").size() == 2 * 2 * 8);
  CHECK(p.view("layers.0.self.qkv.lora_b").size() == 2 * 8 * 2);
  CHECK(std::ranges::all_of(p.view("layers.0.self.qkv.lora_b"), [](float x) { return x == 0; }));
  CHECK(std::ranges::max(p.view("layers.0.self.qkv.lora_a")) > 0.3f);
  CHECK(std::ranges::max(p.view("layers.0.self.qkv.lora_a")) <= 1 / std::sqrt(8.0f));
  auto list = two_layers();
  Parameters before(list.take());
  before.initialize(1);
  for (const auto& spec : before.specs()) CHECK(std::ranges::equal(p.view(spec.name), before.view(spec.name)));
  const auto layer = layer_of(p, "layers.0.self.qkv");
  CHECK(output_of(p, layer, Activation::none) == output_of(before, layer, Activation::none));
}

TEST_CASE("a merged weight computes what the weight and its update do") {
  for (const char* layers : {"layers.0.*", "layers.0.ffn.up,*.k"}) {
    const Parameters p = adapted({.rank = 3, .alpha = 2, .low_rank_layers = layers});
    for (const char* name : {"layers.0.self.qkv", "layers.0.ffn.up"}) {
      const auto layer = layer_of(p, name);
      for (float& x : p.view(p.linear(layer.weight)->b)) x = 0.25f * static_cast<float>(&x - p.values().data()) / 500;
      const auto want = output_of(p, layer, Activation::gelu);
      const auto merged = merged_weight(p, layer.weight);
      const Parameters plain = adapted({});
      std::ranges::copy(p.view(str(name, ".bias")), plain.view(str(name, ".bias")).begin());
      CHECK(output_of(plain, layer, Activation::gelu) != want);
      std::ranges::copy(merged, plain.view(layer.weight).begin());
      const auto got = output_of(plain, layer, Activation::gelu);
      for (std::size_t i = 0; i < want.size(); ++i) CHECK(got[i] == Approx(want[i]).margin(1e-5));
    }
  }
}

TEST_CASE(
    "bottleneck adapters stand behind both sublayers, change little at first, and are trained with norms and heads") {
  const Parameters p = adapted({.adapter_width = 4, .adapters_alone = true});
  const auto names = trained(p);
  CHECK(names.size() == 2 + 2 * (2 + 2 * 4));
  CHECK(std::ranges::count_if(names, [](const auto& n) { return n.find(".adapter.") != n.npos; }) == 16);
  CHECK(p.view("layers.0.ffn.down.adapter.down.weight").size() == 4 * 8);
  const Parameters plain = adapted({});
  const auto out = layer_of(p, "layers.0.self.out");
  const auto with = output_of(p, out, Activation::none), before = output_of(plain, out, Activation::none);
  CHECK(with != before);
  for (std::size_t i = 0; i < with.size(); ++i) CHECK(with[i] == Approx(before[i]).margin(2e-3));
  CHECK(output_of(p, layer_of(p, "layers.0.ffn.up"), Activation::none) ==
        output_of(plain, layer_of(p, "layers.0.ffn.up"), Activation::none));
  // A model that has adapters without an adaptation is trained as a whole.
  CHECK(trained(adapted({.adapter_width = 4})).size() == p.specs().size());
}

TEST_CASE("new rows alone have gradients behind all others, and lie in one piece with the old ones") {
  Parameters p = adapted({.new_rows_alone = true, .frozen_pieces = {7}});
  CHECK(trained(p) == std::vector<std::string>{"embedding.weight", "head.weight", "head.bias"});
  CHECK(p.view("embedding.weight").size() == 10 * 8);
  CHECK(p.trained_view("embedding.weight").data() == p.view("embedding.weight").data() + 7 * 8);
  CHECK(p.trained_view("embedding.weight").size() == 3 * 8);
  CHECK(p.trained_numbers() == 3 * 8 + 8 * 3 + 3);
  p.allocate_gradients();
  CHECK(p.gradients().size() == 32 + 16 + 32);  // padded
  CHECK(p.gradient_view("embedding.weight").data() == p.gradients().data() + 48);
  const auto stretches = p.trained_stretches();
  CHECK(stretches.size() == 2);
  CHECK(p.values().data() + stretches[1].values == p.trained_view("embedding.weight").data());
  Graph graph(true);
  CHECK(graph[p.in(graph, {0})].frozen == 7);
}

TEST_CASE("patterns freeze by name, and one that matches nothing is refused with some names as a hint") {
  const auto names = trained(adapted({.freeze = "layers.0.*,embed*,*.bias"}));
  CHECK(names == std::vector<std::string>{"layers.1.self.qkv.weight", "layers.1.self.out.weight",
                                          "layers.1.self.norm.weight", "layers.1.ffn.up.weight",
                                          "layers.1.ffn.down.weight", "head.weight"});
  CHECK(refused([] { adapted({.freeze = "layers.7.*"}); },
                {"--freeze: 'layers.7.*' matches nothing", "embedding.weight"}));
  CHECK(refused([] { adapted({.rank = 2, .low_rank_layers = "*.query"}); },
                {"--lora-layers: '*.query' matches nothing"}));
  CHECK(refused([] { adapted({.freeze = "*"}); }, {"nothing is left to be trained"}));
  CHECK(refused([] { adapted({.rank = 9}); }, {"--lora 9", "layers.0.self.qkv.q is a matrix of [8, 8]"}));
}

TEST_CASE("an adaptation goes through a configuration and back") {
  const Adaptation all{.freeze = "a.*",
                       .heads = "head.*,pooler.*",
                       .rank = 3,
                       .alpha = 6,
                       .dropout = 0.25f,
                       .low_rank_layers = "*.k",
                       .adapter_width = 5,
                       .adapters_alone = true,
                       .new_rows_alone = true,
                       .frozen_pieces = {7, 9},
                       .base = "0123456789abcdef"};
  nlohmann::json config{{"arch", "gpt"}};
  all.put_into(config);
  CHECK(Adaptation::from(config) == all);
  Adaptation().put_into(config);
  CHECK(config == nlohmann::json{{"arch", "gpt"}});
}
