#include "exchange/bert.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/settings.h"
#include "exchange/bert_heads.h"
#include "exchange/config_values.h"
#include "exchange/sentence_transformers.h"
#include "exchange/tokenizer_files.h"

namespace storm {

namespace {

nlohmann::json config(Folder& folder) {
  refuse_other_heads(folder,
                     {"BertModel", "BertForMaskedLM", "BertForPreTraining", "BertForNextSentencePrediction",
                      "BertForSequenceClassification", "BertForTokenClassification", "BertForQuestionAnswering"});
  auto c = folder.fields();
  refuse_foreign_settings(c);
  c.only("is_decoder", false);
  c.only("is_causal", false);
  auto& weights = folder.weights();
  const auto width = size_from(c, "hidden_size", 768), inner = size_from(c, "intermediate_size", 3072);
  const bool tied = c.on("tie_word_embeddings", true);
  nlohmann::json ours{{"arch", "bert"},
                      {"vocab_size", size_from(c, "vocab_size", 30522)},
                      {"max_positions", size_from(c, "max_position_embeddings", 512)},
                      {"segments", size_from(c, "type_vocab_size", 2)},
                      {"layers", size_from(c, "num_hidden_layers", 12)},
                      {"d_model", width},
                      {"d_ff", inner == 4 * width ? 0 : inner},
                      {"heads", size_from(c, "num_attention_heads", 12)},
                      {"activation", activation_from(c, "hidden_act", "gelu")},
                      {"dropout", number_from(c, "hidden_dropout_prob", 0.1)},
                      {"attention_dropout", number_from(c, "attention_probs_dropout_prob", 0.1)},
                      {"norm_epsilon", number_from(c, "layer_norm_eps", 1e-12)},
                      {"pooler", yes_or_no(weights.has("pooler.dense.weight"))},
                      {"masked_lm", yes_or_no(weights.has("cls.predictions.transform.dense.weight"))},
                      {"next_sentence", yes_or_no(weights.has("cls.seq_relationship.weight"))},
                      {"share_embeddings", yes_or_no(tied)}};
  set_sentence_flags(ours, folder);
  if (is_bert_head(folder)) set_bert_head(ours, folder);
  return ours;
}

bool has(const nlohmann::json& config, const char* head) { return Settings(config).on(head); }

Vocabularies vocabularies(const Folder& folder, const nlohmann::json& config) {
  auto vocabulary = Vocabulary::from_bytes(wordpiece_of(folder), folder.path());
  check_special_tokens(folder, vocabulary);
  if (has_bert_head(config)) return with_labels(std::move(vocabulary), folder, config);
  return {{"vocab", std::move(vocabulary)}};
}

std::vector<TensorRow> rows(const nlohmann::json& config) {
  std::vector<TensorRow> rows;
  const auto one = [&](const std::string& ours, const std::string& theirs) {
    rows.push_back({.ours = ours, .theirs = {theirs}});
  };
  const auto linear = [&](const std::string& ours, const std::vector<std::string>& theirs) {
    add_layer(rows, ours, theirs);
  };
  const auto norm = [&](const std::string& ours, const std::string& theirs) {  // files of TensorFlow's time say gamma
    const auto [weight, bias] = add_layer(rows, ours, {theirs});
    weight->instead = theirs + ".gamma";
    bias->instead = theirs + ".beta";
  };
  one("embedding.weight", "embeddings.word_embeddings.weight");
  one("positions.weight", "embeddings.position_embeddings.weight");
  one("segments.weight", "embeddings.token_type_embeddings.weight");
  norm("embedding.norm", "embeddings.LayerNorm");
  for (int64_t i = 0; i < config.at("layers").get<int64_t>(); ++i) {
    const auto ours = str("layers.", i, "."), theirs = str("encoder.layer.", i, ".");
    const auto self = theirs + "attention.self.";
    linear(ours + "self.qkv", {self + "query", self + "key", self + "value"});
    linear(ours + "self.out", {theirs + "attention.output.dense"});
    norm(ours + "self.norm", theirs + "attention.output.LayerNorm");
    linear(ours + "ffn.up", {theirs + "intermediate.dense"});
    linear(ours + "ffn.down", {theirs + "output.dense"});
    norm(ours + "ffn.norm", theirs + "output.LayerNorm");
  }
  if (has_bert_head(config)) add_head_rows(rows, config);
  if (has(config, "pooler")) linear("pooler", {"pooler.dense"});
  if (has(config, "next_sentence")) {
    const auto [weight, bias] = add_layer(rows, "next_sentence", {"cls.seq_relationship"});
    weight->head = bias->head = true;
  }
  if (!has(config, "masked_lm")) return rows;
  linear("masked_lm.transform", {"cls.predictions.transform.dense"});
  norm("masked_lm.norm", "cls.predictions.transform.LayerNorm");
  const std::string bias = "cls.predictions.bias", of_layer = "cls.predictions.decoder.bias";
  if (has(config, "share_embeddings")) {
    one("masked_lm.bias", bias);
  } else {  // then the layer's own bias counts, and the other one is passed over
    one("masked_lm.output.weight", "cls.predictions.decoder.weight");
    rows.push_back({.ours = "masked_lm.bias", .theirs = {of_layer}, .instead = bias, .copy = bias});
  }
  for (auto& row : rows) row.head = row.head || row.ours.starts_with("masked_lm.");
  return rows;
}

// Buffers, the output layer where it is the table of embeddings, and its bias a second time.
std::optional<std::string> twin(std::string_view name, const nlohmann::json& config) {
  if (name == "embeddings.position_ids") return "";
  if (has_bert_head(config) && name.starts_with("pooler.dense.")) return "";  // of older files, where none reads it
  if (!has(config, "masked_lm")) return {};
  if (name == "cls.predictions.decoder.weight") return "embeddings.word_embeddings.weight";
  if (name == "cls.predictions.decoder.bias") return "cls.predictions.bias";
  if (name == "cls.predictions.bias") return "";  // of an untied model, whose layer has its own
  return {};
}

// The class of transformers with the heads of the configuration.
std::string their_class(const nlohmann::json& c) {
  if (has_bert_head(c)) return bert_head_class(c);
  const bool masked_lm = has(c, "masked_lm");
  if (has(c, "next_sentence")) return masked_lm ? "BertForPreTraining" : "BertForNextSentencePrediction";
  return masked_lm ? "BertForMaskedLM" : "BertModel";
}

std::string prefix(const nlohmann::json& c) { return their_class(c) == "BertModel" ? "" : "bert."; }

FolderFiles files(const nlohmann::json& c, const Vocabularies& vocabularies) {
  const auto& vocabulary = of_texts(vocabularies);
  const auto width = c.at("d_model").get<int64_t>(), inner = c.at("d_ff").get<int64_t>();
  FolderFiles files{.config = {{"model_type", "bert"},
                               {"architectures", {their_class(c)}},
                               {"vocab_size", c.at("vocab_size")},
                               {"max_position_embeddings", c.at("max_positions")},
                               {"type_vocab_size", c.at("segments")},
                               {"num_hidden_layers", c.at("layers")},
                               {"hidden_size", width},
                               {"intermediate_size", inner == 0 ? 4 * width : inner},
                               {"num_attention_heads", c.at("heads")},
                               {"hidden_act", their_activation(c.at("activation"))},
                               {"hidden_dropout_prob", c.at("dropout")},
                               {"attention_probs_dropout_prob", c.at("attention_dropout")},
                               {"layer_norm_eps", c.at("norm_epsilon")},
                               {"pad_token_id", std::max(vocabulary.pad_id(), 0)},
                               {"tie_word_embeddings", has(c, "share_embeddings")}},
                    .texts = {}};
  files.prefix = prefix(c);
  if (has_bert_head(c)) add_head_files(files.config, c, vocabularies);
  if (is_tokenizer_json(vocabulary))
    add_tokenizer_json(files.texts, vocabulary, "BertTokenizer", longest_text(c));
  else
    note("no tokenizer is written: the model's vocabulary is none that BERT's tokenizers have");
  add_sentence_files(files.texts, c);
  return files;
}

}  // namespace

const Family& bert_family() {
  static const Family family{.model_type = "bert",
                             .architecture = "bert",
                             .config = config,
                             .vocabularies = vocabularies,
                             .rows = rows,
                             .twin = twin,
                             .files = files,
                             .prefixes = {"bert.", ""},
                             .prefix = prefix};
  return family;
}

}  // namespace storm
