#include "models/transformer/config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/error.h"
#include "models/transformer/model.h"

namespace storm {

namespace {

// With post-norm, what a sublayer adds to the residual stream must be small at first: from Xavier's bounds everywhere,
// cross-attention is still uniform after 500 updates of Multi30k, where the smaller starts have long begun to align.
const std::vector<std::pair<std::string, BlockInit>>& initializations() {
  using enum LinearInit::Rule;
  static const std::vector<std::pair<std::string, BlockInit>> all{
      {"pytorch", {{fan_in}, {fan_in}, {fan_in}, {fan_in}}},  // torch.nn.Linear's everywhere
      {"xavier", {{xavier}, {xavier}, {xavier}, {xavier}}},   // tensor2tensor, which the paper was trained with
      // Its MultiheadAttention's and TransformerLayer's.
      {"fairseq", {{xavier, std::numbers::sqrt2 / 2}, {xavier}, {fan_in}, {fan_in}}},
  };
  return all;
}

std::vector<Setting> settings() {
  auto all = SideLayers::settings("6");
  for (const Setting& s : std::vector<Setting>{
           {"d-model", "N", "512", "width of the model"},
           {"d-ff", "N", "2048", "inner width of the feed-forward layers"},
           {"heads", "N", "8", "attention heads"},
           {"d-k", "N", "0", "width of a head's queries and keys (0: d-model / heads)"},
           {"d-v", "N", "0", "width of a head's values (0: d-model / heads)"},
           {"norm", "post|pre", "post", "layer norm after each residual (the paper) or before each sublayer"},
           FeedForward::activation_setting("relu"),
           {"positions", "KIND", "sinusoidal",
            "sinusoidal (interleaved, the paper), sinusoidal-concat, sinusoidal-halves (Marian) or learned"},
           {"max-positions", "N", "1024", "longest sentence with learned positions"},
           {"dropout", "RATE", "0.1", "dropout of sublayer outputs and embeddings"},
           {"attention-dropout", "RATE", "0", "dropout of attention weights"},
           {"activation-dropout", "RATE", "0", "dropout inside the feed-forward layers"},
           BlockShape::drop_head_setting(),
           BlockShape::layer_drop_setting(),
           TableSizes::setting(),
           {"scale-embeddings", "[yes|no]", "yes", "embeddings times the root of d-model (the paper)"},
           {"output-bias", "[yes|no]", "no", "the output layer has a bias"},
           {"norm-epsilon", "X", "1e-5", "epsilon of the layer norms"},
           {"initialization", "NAME", "pytorch",
            "how linear layers begin: as pytorch's, fairseq's, or by xavier (the paper's)"}})
    all.push_back(s);
  return all;
}

}  // namespace

TransformerConfig TransformerConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  TransformerConfig c{};
  c.layers = SideLayers::from(s);
  BlockShape& b = c.block;
  b.d_model = s.whole("d_model", 1, 1 << 20);
  b.d_ff = s.whole("d_ff", 1, 1 << 20);
  b.heads = s.whole("heads", 1, 1 << 12);
  b.d_k = s.whole("d_k", 0, 1 << 16);
  b.d_v = s.whole("d_v", 0, 1 << 16);
  if ((b.d_k == 0 || b.d_v == 0) && b.d_model % b.heads != 0)
    throw UsageError(str("--heads: ", b.heads, " heads do not divide --d-model ", b.d_model,
                         " evenly; set --d-k and --d-v, or another number of heads"));
  if (b.d_k == 0) b.d_k = b.d_model / b.heads;
  if (b.d_v == 0) b.d_v = b.d_model / b.heads;
  b.pre_norm = s.choice("norm", {"post", "pre"}) == 1;
  b.activation = FeedForward::activation_from(s);
  c.positions = static_cast<Positions>(
      s.choice("positions", {"sinusoidal", "sinusoidal-concat", "sinusoidal-halves", "learned"}));
  c.max_positions = s.whole("max_positions", 1, 1 << 24);
  if (c.positions == Positions::sinusoidal_concat && b.d_model % 2 != 0)
    throw UsageError("--positions: sinusoidal-concat needs an even --d-model");
  c.embedding_scale = s.on("scale_embeddings") ? std::sqrt(static_cast<float>(b.d_model)) : 1;
  c.output_bias = s.on("output_bias");
  b.dropout = s.real("dropout", 0, 1);
  b.attention_dropout = s.real("attention_dropout", 0, 1);
  b.activation_dropout = s.real("activation_dropout", 0, 1);
  b.read_drops(s);
  b.norm_epsilon = s.real("norm_epsilon", 0, 1);
  std::vector<std::string> names;
  for (const auto& [name, init] : initializations()) names.push_back(name);
  c.init = initializations()[s.choice("initialization", names)].second;
  c.tables = TableSizes::from(s);
  return c;
}

const Architecture& transformer_architecture() {
  static const Architecture architecture{
      .name = "transformer",
      .settings = settings(),
      .presets = {{"tiny", {{"layers", "4"}, {"d-model", "128"}, {"d-ff", "256"}, {"heads", "4"}, {"dropout", "0.3"}}},
                  {"small",
                   {{"layers", "3"}, {"d-model", "256"}, {"d-ff", "1024"}, {"heads", "4"}, {"dropout", "0.1"}}},
                  {"base", {}},
                  {"big", {{"d-model", "1024"}, {"d-ff", "4096"}, {"heads", "16"}, {"dropout", "0.3"}}}},
      .preset = "base",
      .vocabularies = TableSizes::keys(),
      .task = "translation",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = TransformerConfig::from(json);
        if (config.tables.target > 0)
          return std::make_unique<TransformerModel>(json, config, TransformerLayers(config));
        return std::make_unique<TransformerEncoder<TextEncoder>>(json, config, TransformerLayers(config));
      },
      .encoder_alone = leave_out_decoder};
  return architecture;
}

}  // namespace storm
