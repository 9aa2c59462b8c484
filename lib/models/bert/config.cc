#include "models/bert/config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/bert/heads.h"

namespace storm {

BertConfig BertConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  BertConfig c{};
  c.layers = s.whole("layers", 1, 1000);
  c.max_positions = s.whole("max_positions", 1, 1 << 24);
  c.segments = s.whole("segments", 1, 1 << 16);
  c.vocabulary = s.whole("vocab_size", 1, 1 << 24);
  c.block = BlockShape::of_one_side(s);
  c.pooler = s.on("pooler");
  c.masked_lm = s.on("masked_lm");
  c.share_embeddings = s.on("share_embeddings");
  return c;
}

const Architecture& bert_architecture() {
  static const Architecture architecture{
      .name = "bert",
      .settings = {{"layers", "N", "12", "layers of encoder and decoder"},
                   {"d-model", "N", "768", "width of the model"},
                   {"d-ff", "N", "0", "inner width of the feed-forward layers (0: 4 times d-model)"},
                   {"heads", "N", "12", "attention heads"},
                   FeedForward::activation_setting("gelu"),
                   {"max-positions", "N", "512", "longest text"},
                   {"segments", "N", "2", "segments that a text's tokens may be of"},
                   {"dropout", "RATE", "0.1", "dropout of sublayer outputs and embeddings"},
                   {"attention-dropout", "RATE", "0.1", "dropout of attention weights"},
                   {"norm-epsilon", "X", "1e-12", "epsilon of the layer norms"},
                   {"pooler", "[yes|no]", "yes", "a vector of the whole text, made of its first token's"},
                   {"masked-lm", "[yes|no]", "yes", "a head that says what masked tokens were"},
                   {"share-embeddings", "[yes|no]", "yes", "the head's table of outputs is that of the embeddings"}},
      .presets = {{"bert-tiny", {{"layers", "2"}, {"d-model", "128"}, {"heads", "2"}}},
                  {"bert-mini", {{"layers", "4"}, {"d-model", "256"}, {"heads", "4"}}},
                  {"bert-base", {}}},
      .preset = "bert-base",
      .vocabularies = {"vocab_size"},
      .task = "masked-language-model",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = BertConfig::from(json);
        BertLayers layers(config);
        if (config.pooler && config.masked_lm)
          return std::make_unique<WithPooler<WithMaskedLm<BertModel>>>(json, config, std::move(layers));
        if (config.pooler) return std::make_unique<WithPooler<BertModel>>(json, config, std::move(layers));
        if (config.masked_lm) return std::make_unique<WithMaskedLm<BertModel>>(json, config, std::move(layers));
        return std::make_unique<BertModel>(json, config, std::move(layers));
      },
      .encoder_alone =
          [](nlohmann::json& json) {
            json["masked_lm"] = false;
            json["pooler"] = json.value(kPoolKey, "") == "pooler";
          },
      .pool = "pooler"};
  return architecture;
}

}  // namespace storm
