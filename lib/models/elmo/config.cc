#include "models/elmo/config.h"

#include <nlohmann/json.hpp>

#include "models/elmo/model.h"

namespace storm {

ElmoConfig ElmoConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  ElmoConfig c{};
  c.layers = s.whole("layers", 1, 1000);
  c.d_model = s.whole("d_model", 1, 1 << 20);
  c.dropout = s.real("dropout", 0, 1);
  c.shared = s.on("share_embeddings");
  c.vocabulary = s.whole("vocab_size", 1, 1 << 24);
  return c;
}

const Architecture& elmo_architecture() {
  static const Architecture architecture{
      .name = "elmo",
      .settings = {{"layers", "N", "2", "layers of encoder and decoder"},
                   {"d-model", "N", "256", "width of the model"},
                   {"dropout", "RATE", "0.1", "dropout of embeddings, between layers and before the output"},
                   {"share-embeddings", "[yes|no]", "yes", "the table of embeddings is the output layer's, too"}},
      .presets = {{"elmo-tiny", {{"d-model", "128"}}}, {"elmo", {}}},
      .preset = "elmo",
      .vocabularies = {"vocab_size"},
      .task = "bidirectional-language-model",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = ElmoConfig::from(json);
        return std::make_unique<ElmoModel>(json, config, ElmoLayers(config));
      },
      .training = {{"clip_norm", 1}, {"lr", 0.005}, {"warmup", 200}, {"block", 64}}};
  return architecture;
}

}  // namespace storm
