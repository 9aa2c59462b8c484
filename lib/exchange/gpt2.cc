#include "exchange/gpt2.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "exchange/config_values.h"
#include "exchange/generation.h"
#include "exchange/tokenizer_files.h"

namespace storm {

namespace {

nlohmann::json config(Folder& folder) {
  refuse_other_heads(folder, {"GPT2LMHeadModel", "GPT2Model"});
  auto c = folder.fields();
  refuse_foreign_settings(c);
  c.only("scale_attn_weights", true);
  c.only("scale_attn_by_inverse_layer_idx", false);
  c.ignore("reorder_and_upcast_attn");  // the same numbers in another order
  const auto width = size_from(c, "n_embd", 768), positions = size_from(c, "n_positions", 1024),
             layers = size_from(c, "n_layer", 12), heads = size_from(c, "n_head", 12);
  for (const auto& [alias, value] : {std::pair("hidden_size", width),
                                     {"max_position_embeddings", positions},
                                     {"num_hidden_layers", layers},
                                     {"num_attention_heads", heads}})
    c.only(alias, value);  // other names of the same
  const auto inner = c.has("n_inner") ? size_from(c, "n_inner", 1) : 4 * width;
  return {{"arch", "gpt"},
          {"vocab_size", size_from(c, "vocab_size", 50257)},
          {"max_positions", positions},
          {"layers", layers},
          {"d_model", width},
          {"d_ff", inner == 4 * width ? 0 : inner},
          {"heads", heads},
          {"activation", activation_from(c, "activation_function", "gelu_new")},
          {"dropout", number_from(c, "resid_pdrop", 0.1)},
          {"attention_dropout", number_from(c, "attn_pdrop", 0.1)},
          {"norm_epsilon", number_from(c, "layer_norm_epsilon", 1e-5)},
          {"share_embeddings", yes_or_no(c.on("tie_word_embeddings", true))}};
}

Vocabularies vocabularies(const Folder& folder, const nlohmann::json&) {
  auto vocabulary = Vocabulary::from_bytes(byte_bpe_of(folder), folder.path());
  check_special_tokens(folder, vocabulary);
  return {{"vocab", std::move(vocabulary)}};
}

void add_decoding(Folder& folder, const Vocabularies& vocabularies, nlohmann::json& config) {
  auto flags = decode_flags(folder, vocabularies.at("vocab"), -1);
  // transformers feeds what its tokenizer makes of the text, which GPT-2's own puts nothing in front of.
  if (!flags.empty() && !flags.contains("begin-with-eos"))
    flags["begin-with-eos"] = yes_or_no(puts_bos_before(vocabularies.at("vocab")));
  set_decode_flags(config, std::move(flags));
}

std::vector<TensorRow> rows(const nlohmann::json& config) {
  std::vector<TensorRow> rows{{"embedding.weight", {"wte.weight"}}, {"positions.weight", {"wpe.weight"}}};
  const auto both = [&](const std::string& ours, const std::string& theirs, bool transposed) {
    add_layer(rows, ours, {theirs}).first->transposed = transposed;
  };
  for (int64_t i = 0; i < config.at("layers").get<int64_t>(); ++i) {
    const auto ours = str("layers.", i, "."), theirs = str("h.", i, ".");
    both(ours + "self.qkv", theirs + "attn.c_attn", true);
    both(ours + "self.out", theirs + "attn.c_proj", true);
    both(ours + "self.norm", theirs + "ln_1", false);
    both(ours + "ffn.up", theirs + "mlp.c_fc", true);
    both(ours + "ffn.down", theirs + "mlp.c_proj", true);
    both(ours + "ffn.norm", theirs + "ln_2", false);
  }
  both("norm", "ln_f", false);
  if (config.at("share_embeddings") == "no")
    rows.push_back({.ours = "output.weight", .theirs = {"lm_head.weight"}, .head = true});
  return rows;
}

// Masks of the future say nothing; the output layer may be the table of embeddings.
std::optional<std::string> twin(std::string_view name, const nlohmann::json&) {
  if (name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")) return "";
  if (name == "lm_head.weight") return "wte.weight";
  return {};
}

std::string prefix(const nlohmann::json&) { return "transformer."; }

FolderFiles files(const nlohmann::json& c, const Vocabularies& vocabularies) {
  const auto& vocabulary = vocabularies.at("vocab");
  const auto flags = flags_of(c, "decode");
  FolderFiles files{.config = {{"model_type", "gpt2"},
                               {"architectures", {"GPT2LMHeadModel"}},
                               {"vocab_size", c.at("vocab_size")},
                               {"n_positions", c.at("max_positions")},
                               {"n_embd", c.at("d_model")},
                               {"n_layer", c.at("layers")},
                               {"n_head", c.at("heads")},
                               {"n_inner", c.at("d_ff") == 0 ? nlohmann::json() : c.at("d_ff")},
                               {"activation_function", their_activation(c.at("activation"))},
                               {"resid_pdrop", c.at("dropout")},
                               {"embd_pdrop", c.at("dropout")},
                               {"attn_pdrop", c.at("attention_dropout")},
                               {"layer_norm_epsilon", c.at("norm_epsilon")},
                               {"tie_word_embeddings", c.at("share_embeddings") == "yes"},
                               {"bos_token_id", vocabulary.eos_id()},
                               {"eos_token_id", vocabulary.eos_id()},
                               {kOwnKey, {{"decode", flags}}}},
                    .texts = {}};
  if (flags.value("begin-with-eos", "yes") == "yes")
    note("decode feeds the model EOS before a text, which transformers does not: begin texts with it there");
  files.prefix = prefix(c);
  files.texts["generation_config.json"] = json_text(generation_config(flags, vocabulary, -1));
  if (is_tokenizer_json(vocabulary))
    add_tokenizer_json(files.texts, vocabulary, "GPT2Tokenizer");
  else
    note("no tokenizer is written: the model's vocabulary is none that GPT-2's tokenizers have");
  return files;
}

}  // namespace

const Family& gpt2_family() {
  static const Family family{.model_type = "gpt2",
                             .architecture = "gpt",
                             .config = config,
                             .vocabularies = vocabularies,
                             .rows = rows,
                             .twin = twin,
                             .files = files,
                             .add_decoding = add_decoding,
                             .prefixes = {"transformer.", ""},
                             .prefix = prefix};
  return family;
}

}  // namespace storm
