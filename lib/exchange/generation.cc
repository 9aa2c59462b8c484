#include "exchange/generation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "exchange/config_values.h"
#include "exchange/family.h"

namespace storm {

namespace {

// What decode has no flag for; only these values leave results alone.
void refuse_others(JsonFields& keys) {
  for (const char* key : {"do_sample", "token_healing", "remove_invalid_values"}) keys.only(key, false);
  for (const char* key : {"encoder_repetition_penalty", "guidance_scale", "typical_p"})
    if (number_from(keys, key, 1) != 1) keys.only(key, 1);
  for (const char* key : {"diversity_penalty", "epsilon_cutoff", "eta_cutoff", "penalty_alpha"})
    if (number_from(keys, key, 0) != 0) keys.only(key, 0);
  keys.only("encoder_no_repeat_ngram_size", 0);
  for (const char* key : {"num_beam_groups", "num_return_sequences"}) keys.only(key, 1);
  for (const char* key : {"exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
                          "sequence_bias", "forced_bos_token_id", "forced_decoder_ids", "constraints",
                          "force_words_ids", "watermarking_config", "stop_strings", "dola_layers"})
    if (keys.has(key) && (keys.any(key).is_primitive() || !keys.any(key).empty())) keys.fail_at(key, "not supported");
}

// What a generation_config.json may have beside: how sampling would be done, what is returned and kept.
void ignore_harmless(JsonFields& keys) {
  for (const char* key : {"temperature",
                          "top_k",
                          "top_p",
                          "min_p",
                          "top_h",
                          "use_cache",
                          "cache_implementation",
                          "cache_config",
                          "max_cache_len",
                          "output_attentions",
                          "output_hidden_states",
                          "output_scores",
                          "output_logits",
                          "return_dict_in_generate",
                          "return_legacy_cache",
                          "pad_token_id",
                          "bos_token_id",
                          "decoder_start_token_id",
                          "is_assistant",
                          "num_assistant_tokens",
                          "num_assistant_tokens_schedule",
                          "assistant_confidence_threshold",
                          "prompt_lookup_num_tokens",
                          "max_matching_ngram_size",
                          "assistant_lookbehind",
                          "target_lookbehind",
                          "compile_config",
                          "disable_compile",
                          "low_memory",
                          "prefill_chunk_size",
                          "transformers_version",
                          "_from_model_config"})
    keys.ignore(key);
}

int64_t in_range(const JsonFields& keys, const char* key, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most)
    keys.fail_at(key, value, " is not from ", least, " to ", most, ", which decode takes");
  return value;
}

double in_range(const JsonFields& keys, const char* key, const nlohmann::json& value, double least, double most) {
  const auto x = value.get<double>();
  if (!(x >= least && x <= most))
    keys.fail_at(key, value.dump(), " is not from ", least, " to ", most, ", which decode takes");
  return x;
}

// Pieces of bad_words_ids, which decode bans one by one.
std::vector<std::string> banned(JsonFields& keys, const Vocabulary& vocabulary) {
  std::vector<std::string> pieces;
  if (!keys.has("bad_words_ids")) return pieces;
  const auto& lists = keys.any("bad_words_ids");
  if (!lists.is_array()) keys.fail_at("bad_words_ids", "no list");
  for (const auto& list : lists) {
    if (!list.is_array() || list.size() != 1 || !list[0].is_number_integer())
      keys.fail_at("bad_words_ids", "only lists of one id are supported");
    const auto id = list[0].get<int64_t>();
    if (id < 0 || id >= vocabulary.size()) keys.fail_at("bad_words_ids", id, " is no id of the vocabulary");
    if (id != vocabulary.eos_id()) pieces.push_back(vocabulary.piece(static_cast<int32_t>(id)));
  }
  return pieces;
}

bool is_id(const nlohmann::json& value, int32_t id) {
  return value == id || (value.is_array() && value.size() == 1 && value[0] == id);
}

}  // namespace

nlohmann::json decode_flags(const Folder& folder, const Vocabulary& vocabulary, int32_t decoder_start) {
  constexpr int64_t kLongest = 1 << 20;
  const bool own = folder.has("generation_config.json");
  auto json = own ? folder.json("generation_config.json") : folder.config();
  const bool source_and_target = decoder_start >= 0;
  require(!folder.has("custom_generate"), folder.path(),
          ": custom_generate is code of the folder's own, which STORM does not run");
  if (const auto ours = own_settings(folder.config()); ours.contains("decode") && ours.at("decode").is_object()) {
    auto as_exported = json;
    for (const char* key : {"transformers_version", "_from_model_config"}) as_exported.erase(key);
    if (as_exported == generation_config(ours.at("decode"), vocabulary, decoder_start)) return ours.at("decode");
  }
  JsonFields keys(json, folder.path_of(own ? "generation_config.json" : "config.json"));
  refuse_others(keys);
  // A config.json without the key has the release's default, the vocabulary's EOS of these families.
  if (own || json.contains("eos_token_id"))
    if (!is_id(keys.any("eos_token_id"), vocabulary.eos_id()))
      keys.fail_at("eos_token_id", keys.any("eos_token_id").dump(), " is not the vocabulary's (", vocabulary.eos_id(),
                   ")");

  auto flags = nlohmann::json::object();
  const int64_t beam = in_range(keys, "num_beams", keys.integer("num_beams", 1), 1, 1000);
  flags["beam"] = beam;
  flags["length-norm"] = "power-eos";
  if (const auto penalty = number_from(keys, "length_penalty", 1);
      in_range(keys, "length_penalty", penalty, 0, 100) != 1)
    flags["length-penalty"] = penalty;
  if (keys.has("early_stopping") && !keys.any("early_stopping").is_boolean())
    keys.fail_at("early_stopping", keys.any("early_stopping").dump(), " is not supported, only true and false");
  flags["early-stopping"] = yes_or_no(keys.on("early_stopping", false));
  if (const auto pieces = banned(keys, vocabulary); !pieces.empty()) flags["ban"] = pieces;
  if (keys.on("renormalize_logits", false)) flags["renormalize"] = "yes";
  if (const auto n = in_range(keys, "no_repeat_ngram_size", keys.integer("no_repeat_ngram_size", 0), 0, INT32_MAX);
      n > 0)
    flags["no-repeat-ngram"] = n;
  if (const auto penalty = number_from(keys, "repetition_penalty", 1);
      in_range(keys, "repetition_penalty", penalty, 0.01, 100) != 1) {
    if (beam > 1) keys.fail_at("repetition_penalty", "with beams transformers means another penalty than STORM");
    flags["repetition-penalty"] = penalty;
  }

  const bool forced = keys.has("forced_eos_token_id");
  if (forced && !is_id(keys.any("forced_eos_token_id"), vocabulary.eos_id()))
    keys.fail_at("forced_eos_token_id", "is not the vocabulary's EOS");
  flags["forced-eos"] = forced ? "free" : "none";
  // Their lengths count the token that the decoder starts from, and the EOS at the end where one is forced. Those of
  // decoders alone count the text that is continued, too, which no flag does. Without any it is 20 that are new.
  const int64_t extra = forced ? 1 : 0;
  if (!source_and_target) {
    keys.only("min_length", 0);
    if (!keys.has("max_new_tokens") && keys.has("max_length"))
      keys.fail_at("max_length",
                   "counts the text that is continued, which decode does not; say max_new_tokens instead");
  }
  const char* key = keys.has("max_new_tokens") || !keys.has("max_length") ? "max_new_tokens" : "max_length";
  const bool counts_start = key == std::string_view("max_length");
  const int64_t most = keys.integer(key, 20) - (counts_start ? 1 : 0) - extra;
  flags["max-length"] = in_range(keys, key, most, 1, kLongest);
  const auto new_least = keys.integer("min_new_tokens", 0), all_least = keys.integer("min_length", 0);
  const int64_t least =
      in_range(keys, "min_length", new_least > 0 ? new_least : std::max<int64_t>(all_least - 1, 0), 0, most);
  if (least > 0) flags["min-length"] = least;
  if (own) {
    ignore_harmless(keys);
    keys.done();
  }
  return flags;
}

nlohmann::json generation_config(const nlohmann::json& flags, const Vocabulary& vocabulary, int32_t decoder_start) {
  const bool to_target = decoder_start >= 0;
  nlohmann::json theirs{{"eos_token_id", vocabulary.eos_id()}};
  if (vocabulary.pad_id() >= 0) theirs["pad_token_id"] = vocabulary.pad_id();
  if (to_target)
    theirs["decoder_start_token_id"] = decoder_start;
  else if (vocabulary.bos_id() >= 0)
    theirs["bos_token_id"] = vocabulary.bos_id();
  const auto flag = [&](const char* name, const nlohmann::json& otherwise) { return flags.value(name, otherwise); };
  theirs["num_beams"] = flag("beam", 5);
  if (theirs["num_beams"] != 1) theirs["early_stopping"] = flag("early-stopping", "yes") == "yes";
  if (const auto penalty = flag("length-penalty", 1); penalty != 1) theirs["length_penalty"] = penalty;
  for (const auto& piece : flag("ban", nlohmann::json::array()))
    theirs["bad_words_ids"].push_back({vocabulary.id_of(piece.get<std::string>())});
  if (flag("renormalize", "no") == "yes") theirs["renormalize_logits"] = true;
  if (const auto n = flag("no-repeat-ngram", 0); n != 0) theirs["no_repeat_ngram_size"] = n;
  if (const auto penalty = flag("repetition-penalty", 1); penalty != 1) theirs["repetition_penalty"] = penalty;
  const bool forced = flag("forced-eos", to_target ? "free" : "none") != "none";
  if (forced) theirs["forced_eos_token_id"] = vocabulary.eos_id();
  const int64_t extra = forced ? 1 : 0;
  if (to_target)
    theirs["max_length"] = flag("max-length", 510).get<int64_t>() + 1 + extra;
  else
    theirs["max_new_tokens"] = flag("max-length", 100).get<int64_t>() + extra;
  if (const auto least = flag("min-length", 0).get<int64_t>(); least > 0)
    theirs[to_target ? "min_length" : "min_new_tokens"] = least + (to_target ? 1 : 0);
  return theirs;
}

}  // namespace storm
