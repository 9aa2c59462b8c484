#include "models/bert/config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/bert/heads.h"

namespace storm {

namespace {

// Pre-training has both heads; a file that says nothing of the second is from before there was one.
std::vector<std::pair<std::string, std::string>> sized(const char* layers, const char* width, const char* heads) {
  return {{"layers", layers}, {"d-model", width}, {"heads", heads}, {"next-sentence", "yes"}};
}

// Base with the heads over the pooled vector that the configuration names.
template <class Base>
std::unique_ptr<Model> with_heads(const nlohmann::json& json, const BertConfig& config) {
  BertLayers layers(config);
  if (config.next_sentence)
    return std::make_unique<WithNextSentence<WithPooler<Base>>>(json, config, std::move(layers));
  if (config.pooler) return std::make_unique<WithPooler<Base>>(json, config, std::move(layers));
  return std::make_unique<Base>(json, config, std::move(layers));
}

}  // namespace

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
  c.next_sentence = s.on("next_sentence");
  if (c.next_sentence && !c.pooler)
    throw UsageError("--next-sentence yes reads the pooler's vector; give --pooler yes, or --next-sentence no");
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
                   BlockShape::drop_head_setting(),
                   BlockShape::layer_drop_setting(),
                   {"norm-epsilon", "X", "1e-12", "epsilon of the layer norms"},
                   {"pooler", "[yes|no]", "yes", "a vector of the whole text, made of its first token's"},
                   {"masked-lm", "[yes|no]", "yes", "a head that says what masked tokens were"},
                   {"next-sentence", "[yes|no]", "no",
                    "a head that says whether a second sentence is the next (the presets: yes)"},
                   {"share-embeddings", "[yes|no]", "yes", "the head's table of outputs is that of the embeddings"}},
      .presets = {{"bert-tiny", sized("2", "128", "2")},
                  {"bert-mini", sized("4", "256", "4")},
                  {"bert-small", sized("4", "512", "8")},
                  {"bert-base", sized("12", "768", "12")}},
      .preset = "bert-base",
      .vocabularies = {"vocab_size"},
      .task = "masked-language-model",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = BertConfig::from(json);
        return config.masked_lm ? with_heads<WithMaskedLm<BertModel>>(json, config)
                                : with_heads<BertModel>(json, config);
      },
      .pool = "pooler",
      .encoder_alone =
          [](nlohmann::json& config) {
            config["masked_lm"] = false;
            config["next_sentence"] = false;
            config["pooler"] = config.value(kPoolKey, "") == "pooler";
          }};
  return architecture;
}

}  // namespace storm
