#include "exchange/marian.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "exchange/config_values.h"
#include "exchange/generation.h"
#include "exchange/tokenizer_files.h"
#include "nn/positions.h"
#include "stream/transform.h"

namespace storm {

namespace {

const Vocabulary& vocabulary_of(const Vocabularies& all, const char* column) {
  const auto own = all.find(std::string("vocab.") + column);
  return own == all.end() ? all.at("vocab") : own->second;
}

// Positions are made, not read; those that a file has must be Marian's.
void check_positions(Folder& folder, int64_t width) {
  const SinusoidTable table(width, SinusoidLayout::halves);
  for (const char* name : {"model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"}) {
    if (!folder.weights().has(name)) continue;
    const Tensor& tensor = folder.weights().tensor(name);
    require(tensor.shape.size() == 2 && tensor.shape[1] == width && tensor.shape[0] <= 1 << 20,
            folder.weights().where(name), ": ", name, " is ", shape_text(tensor.shape), ", not of ", width, " columns");
    std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
    read_floats(tensor, 0, std::span(values));
    const float* wanted = table.rows(tensor.shape[0]);
    for (std::size_t i = 0; i < values.size(); ++i)
      require(std::abs(values[i] - wanted[i]) < 1e-2f, folder.weights().where(name), ": ", name,
              " are positions of the folder's own, not Marian's sinusoids");
  }
}

nlohmann::json config(Folder& folder) {
  refuse_other_heads(folder, {"MarianMTModel"});
  auto c = folder.fields();
  refuse_foreign_settings(c);
  const auto own = own_settings(folder.config());
  const auto encoder = size_from(c, "encoder_layers", 12), decoder = size_from(c, "decoder_layers", 12);
  const auto heads = size_from(c, "encoder_attention_heads", 16), inner = size_from(c, "encoder_ffn_dim", 4096);
  require_same(c, "encoder_attention_heads", heads, "decoder_attention_heads",
               size_from(c, "decoder_attention_heads", 16));
  require_same(c, "encoder_ffn_dim", inner, "decoder_ffn_dim", size_from(c, "decoder_ffn_dim", 4096));
  const auto width = size_from(c, "d_model", 1024);
  check_positions(folder, width);
  for (const auto& [alias, value] :
       {std::pair("num_attention_heads", heads), {"num_hidden_layers", encoder}, {"hidden_size", width}})
    c.only(alias, value);  // other names of the same
  const auto vocabulary = size_from(c, "vocab_size", 58101);
  const bool tied = c.on("tie_word_embeddings", true), shared = c.on("share_encoder_decoder_embeddings", true);

  nlohmann::json ours{{"arch", "transformer"},
                      {"source_vocab_size", vocabulary},
                      {"target_vocab_size", size_from(c, "decoder_vocab_size", vocabulary)},
                      {"layers", encoder},
                      {"encoder_layers", 0},
                      {"decoder_layers", decoder == encoder ? 0 : decoder},
                      {"d_model", width},
                      {"d_ff", inner},
                      {"heads", heads},
                      {"d_k", 0},
                      {"d_v", 0},
                      {"norm", "post"},
                      {"activation", activation_from(c, "activation_function", "gelu")},
                      {"positions", own.value("positions", nlohmann::json("sinusoidal-halves"))},
                      {"max_positions", size_from(c, "max_position_embeddings", 1024)},
                      {"dropout", number_from(c, "dropout", 0.1)},
                      {"attention_dropout", number_from(c, "attention_dropout", 0)},
                      {"activation_dropout", number_from(c, "activation_dropout", 0)},
                      {"share_embeddings", !tied    ? "none"
                                           : shared ? "all"
                                                    : "target"},
                      {"scale_embeddings", yes_or_no(c.on("scale_embedding", false))},
                      {"output_bias", yes_or_no(folder.weights().has("final_logits_bias"))},
                      {"norm_epsilon", 1e-5},
                      {"initialization", own.value("initialization", nlohmann::json("pytorch"))}};
  return ours;
}

Vocabularies vocabularies(const Folder& folder, const nlohmann::json&) {
  Vocabularies all;
  for (auto& [name, bytes] : sentencepiece_pair_of(folder))
    all.emplace(name, Vocabulary::from_bytes(bytes, folder.path()));
  return all;
}

void add_decoding(Folder& folder, const Vocabularies& vocabularies, nlohmann::json& ours) {
  auto c = folder.fields();
  const auto& target = vocabulary_of(vocabularies, "tgt");
  const auto theirs = own_settings(folder.config()).contains("pad") ? numbered_target_of(folder) : target;
  const auto start = c.integer("decoder_start_token_id", 58100);
  const auto generation = folder.json_if_there("generation_config.json");
  JsonFields(generation, folder.path_of("generation_config.json")).only("decoder_start_token_id", start);
  if (start < 0 || start >= theirs.size()) c.fail_at("decoder_start_token_id", start, " is no id of the vocabulary");
  const auto fed = target.id_of(theirs.piece(static_cast<int32_t>(start)));
  if (fed != target.first_fed_id()) ours[kDecoderStartKey] = fed;
  set_decode_flags(ours, decode_flags(folder, theirs, static_cast<int32_t>(start)));
}

std::vector<TensorRow> rows(const nlohmann::json& config) {
  using Stream = TensorRow::Stream;
  std::vector<TensorRow> all;
  const auto table = [&](const char* ours, const char* theirs, const char* instead = "") {
    all.push_back({.ours = ours, .theirs = {theirs}, .stream = Stream::columns, .instead = instead});
  };
  const auto& share = config.at("share_embeddings");
  if (share == "all") {
    table("embedding.weight", "model.shared.weight", "model.encoder.embed_tokens.weight");
  } else {
    table("source_embedding.weight", "model.encoder.embed_tokens.weight", "model.shared.weight");
    table("target_embedding.weight", "model.decoder.embed_tokens.weight", "model.shared.weight");
  }
  if (share == "none") table("output.weight", "lm_head.weight");
  if (config.at("output_bias") == "yes")
    all.push_back({.ours = "output.bias", .theirs = {"final_logits_bias"}, .leading_ones = 1});

  // A layer that reads the residual stream, or one that writes it.
  const auto linear = [&](const std::string& ours, const std::vector<std::string>& theirs, bool writes) {
    const auto [weight, bias] = add_layer(all, ours, theirs);
    weight->stream = writes ? Stream::rows : Stream::columns;
    if (writes) bias->stream = Stream::columns;
  };
  const auto norm = [&](const std::string& ours, const std::string& theirs) {
    const auto [weight, bias] = add_layer(all, ours, {theirs});
    weight->stream = bias->stream = Stream::columns;
  };
  const auto side = [&](const std::string& name, int64_t layers, bool is_decoder) {
    for (int64_t i = 0; i < layers; ++i) {
      const auto ours = str(name, ".", i, "."), theirs = str("model.", name, ".layers.", i, ".");
      const auto self = theirs + "self_attn.", cross = theirs + "encoder_attn.";
      linear(ours + "self.qkv", {self + "q_proj", self + "k_proj", self + "v_proj"}, false);
      linear(ours + "self.out", {self + "out_proj"}, true);
      norm(ours + "self.norm", theirs + "self_attn_layer_norm");
      if (is_decoder) {
        linear(ours + "cross.q", {cross + "q_proj"}, false);
        linear(ours + "cross.kv", {cross + "k_proj", cross + "v_proj"}, false);
        linear(ours + "cross.out", {cross + "out_proj"}, true);
        norm(ours + "cross.norm", theirs + "encoder_attn_layer_norm");
      }
      linear(ours + "ffn.up", {theirs + "fc1"}, false);
      linear(ours + "ffn.down", {theirs + "fc2"}, true);
      norm(ours + "ffn.norm", theirs + "final_layer_norm");
    }
  };
  const auto layers = config.at("layers").get<int64_t>();
  const auto own = [&](const char* key) {
    const auto n = config.at(key).get<int64_t>();
    return n == 0 ? layers : n;
  };
  side("encoder", own("encoder_layers"), false);
  side("decoder", own("decoder_layers"), true);
  return all;
}

// Tables may be tied to those that are read.
std::optional<std::string> twin(std::string_view name, const nlohmann::json& config) {
  const bool all = config.at("share_embeddings") == "all";
  const std::string target = all ? "model.shared.weight" : "model.decoder.embed_tokens.weight";
  if (name == "lm_head.weight" || (all && name.ends_with("embed_tokens.weight"))) return target;
  if (name == "model.shared.weight") return "";  // each side has its own table, and nothing reads this one
  return {};
}

FolderFiles files(const nlohmann::json& c, const Vocabularies& vocabularies) {
  const auto refuse = [](bool stands, const char* flag, const std::string& only) {
    if (stands) throw UsageError(str("--", flag, ": a folder of Marian can only be of a model with ", only));
  };
  refuse(c.at("norm") != "post", "norm", "post");
  refuse(c.at("positions") != "sinusoidal" && c.at("positions") != "sinusoidal-halves", "positions",
         "sinusoidal or sinusoidal-halves");
  refuse(c.at("norm_epsilon") != 1e-5, "norm-epsilon", "1e-5");
  const auto width = c.at("d_model").get<int64_t>(), heads = c.at("heads").get<int64_t>();
  refuse(width % heads != 0, "heads", "heads that divide --d-model");
  for (const auto& [key, flag] : {std::pair("d_k", "d-k"), {"d_v", "d-v"}})
    refuse(c.at(key) != 0 && c.at(key) != width / heads, flag, "heads of d-model / heads");
  auto source = vocabulary_of(vocabularies, "src"), target = vocabulary_of(vocabularies, "tgt");
  const auto fed = target.piece(decoder_start_of(c, target.first_fed_id(), target.size()));
  nlohmann::json own{
      {"positions", c.at("positions")}, {"initialization", c.at("initialization")}, {"decode", flags_of(c, "decode")}};
  if (const auto pad = target.pad_id(); vocabularies.size() == 1 && pad >= 0 && pad + 1 < target.size()) {
    own["pad"] = pad;
    source = target = with_padding_last(target);
  }
  const int32_t start = target.id_of(fed);
  const auto layers = [&](const char* key) { return c.at(key) == 0 ? c.at("layers") : c.at(key); };
  const auto& share = c.at("share_embeddings");
  FolderFiles files{.config = {{"model_type", "marian"},
                               {"architectures", {"MarianMTModel"}},
                               {"is_encoder_decoder", true},
                               {"vocab_size", c.at("source_vocab_size")},
                               {"decoder_vocab_size", c.at("target_vocab_size")},
                               {"encoder_layers", layers("encoder_layers")},
                               {"decoder_layers", layers("decoder_layers")},
                               {"d_model", width},
                               {"encoder_ffn_dim", c.at("d_ff")},
                               {"decoder_ffn_dim", c.at("d_ff")},
                               {"encoder_attention_heads", heads},
                               {"decoder_attention_heads", heads},
                               {"activation_function", their_activation(c.at("activation"))},
                               {"max_position_embeddings", c.at("max_positions")},
                               {"dropout", c.at("dropout")},
                               {"attention_dropout", c.at("attention_dropout")},
                               {"activation_dropout", c.at("activation_dropout")},
                               {"share_encoder_decoder_embeddings", share == "all"},
                               {"tie_word_embeddings", share != "none"},
                               {"scale_embedding", c.at("scale_embeddings") == "yes"},
                               {"decoder_start_token_id", start},
                               {"eos_token_id", target.eos_id()},
                               {"forced_eos_token_id", target.eos_id()},
                               {"pad_token_id", target.pad_id()},
                               {kOwnKey, own}},
                    .texts = {}};
  add_sentencepiece_pair(files.texts, source, target);
  files.texts["generation_config.json"] = json_text(generation_config(flags_of(c, "decode"), target, start));
  return files;
}

// Our number of a piece of the target's: where <pad> was made the last one, those behind its place have moved.
std::size_t own_id(int64_t theirs, const nlohmann::json& config) {
  const auto pad = own_settings(config).value("pad", int64_t{-1}),
             last = config.at("decoder_vocab_size").get<int64_t>() - 1;
  return static_cast<std::size_t>(pad < 0 || theirs < pad ? theirs : theirs == last ? pad : theirs + 1);
}

// CTranslate2's converter lets decoders start from zeros, whatever the row of the token says that they start from.
void warn_of(const nlohmann::json& theirs, const nlohmann::json& config, const Values& values) {
  const auto width = config.at("d_model").get<std::size_t>();
  const auto table = values(config.at("share_embeddings") == "all" ? "embedding.weight" : "target_embedding.weight");
  const auto start = own_id(theirs.at("decoder_start_token_id").get<int64_t>(), theirs);
  double squares = 0;
  for (const float x : std::span(table).subspan(start * width, width))
    squares += static_cast<double>(x) * static_cast<double>(x);
  if (squares > 0)
    warn("the embedding that decoding starts from (id ", start, ") has the length ",
         shortest(std::sqrt(static_cast<float>(squares))),
         ": CTranslate2's converter takes zeros instead, and its scores will differ; transformers' are right");
}

Orders orders(const nlohmann::json& theirs, const nlohmann::json& ours) {
  Orders orders;
  const auto width = ours.at("d_model").get<int64_t>();
  for (int64_t i = 0; ours.at("positions") == "sinusoidal" && i < width; ++i)
    orders.stream.push_back(halves_column(i, width));
  orders.padding = own_settings(theirs).value("pad", int64_t{-1});
  return orders;
}

}  // namespace

const Family& marian_family() {
  static const Family family{.model_type = "marian",
                             .architecture = "transformer",
                             .config = config,
                             .vocabularies = vocabularies,
                             .rows = rows,
                             .twin = twin,
                             .files = files,
                             .warn_of = warn_of,
                             .add_decoding = add_decoding,
                             .orders = orders};
  return family;
}

}  // namespace storm
