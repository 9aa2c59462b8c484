#include "models/gpt/config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/gpt/model.h"

namespace storm {

GptConfig GptConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  GptConfig c{};
  c.layers = s.whole("layers", 1, 1000);
  c.max_positions = s.whole("max_positions", 1, 1 << 24);
  c.vocabulary = s.whole("vocab_size", 1, 1 << 24);
  c.block = BlockShape::of_one_side(s);
  c.block.pre_norm = true;
  c.shared = s.on("share_embeddings");
  return c;
}

const Architecture& gpt_architecture() {
  static const Architecture architecture{
      .name = "gpt",
      .settings = {{"layers", "N", "12", "layers of encoder and decoder"},
                   {"d-model", "N", "768", "width of the model"},
                   {"d-ff", "N", "0", "inner width of the feed-forward layers (0: 4 times d-model)"},
                   {"heads", "N", "12", "attention heads"},
                   FeedForward::activation_setting("gelu-tanh"),
                   {"max-positions", "N", "1024", "longest text"},
                   {"dropout", "RATE", "0.1", "dropout of sublayer outputs and embeddings"},
                   {"attention-dropout", "RATE", "0.1", "dropout of attention weights"},
                   BlockShape::drop_head_setting(),
                   BlockShape::layer_drop_setting(),
                   {"share-embeddings", "[yes|no]", "yes", "the table of embeddings is the output layer's, too"},
                   {"norm-epsilon", "X", "1e-5", "epsilon of the layer norms"}},
      .presets = {{"gpt-tiny", {{"layers", "4"}, {"d-model", "128"}, {"heads", "4"}, {"max-positions", "256"}}},
                  {"gpt-mini", {{"layers", "6"}, {"d-model", "384"}, {"heads", "6"}, {"max-positions", "256"}}},
                  {"gpt-small", {}}},
      .preset = "gpt-small",
      .vocabularies = {"vocab_size"},
      .task = "language-model",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = GptConfig::from(json);
        return std::make_unique<GptModel>(json, config, GptLayers(config));
      },
      .training = {{"clip_norm", 1}, {"label_smoothing", 0}, {"weight_decay", 0.1}},
      .pool = "last"};
  return architecture;
}

}  // namespace storm
