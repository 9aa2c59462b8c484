#include "exchange/tokenizer_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/split.h"
#include "exchange/family.h"
#include "text/foreign_vocabulary.h"
#include "text/sentencepiece_table.h"
#include "text/tokenizer_json.h"

namespace storm {

namespace {

constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kSettings = "tokenizer_config.json";

std::string pair_of(const Folder& folder, const std::string& first, const std::string& second) {
  const auto a = folder.text(first), b = folder.text(second);
  const auto name_a = folder.path_of(first), name_b = folder.path_of(second);
  return from_pair({a, name_a}, {b, name_b});
}

// A piece for each id, as vocab.json has them.
std::string table_text(const Vocabulary& vocabulary) {
  nlohmann::ordered_json table = nlohmann::ordered_json::object();
  for (int32_t id = 0; id < vocabulary.size(); ++id) table[vocabulary.piece(id)] = id;
  return table.dump(1) + "\n";
}

// Refuses another class than these, which would cut text otherwise. Returns the class; "": the folder names none, and
// has that of its family.
std::string tokenizer_class(const Folder& folder, JsonFields& settings, std::initializer_list<std::string_view> known) {
  auto config = folder.fields();
  auto& fields = settings.has("tokenizer_class") ? settings : config;
  const auto name = fields.text("tokenizer_class", "");
  if (!name.empty() && std::ranges::find(known, name) == known.end())
    fields.fail_at("tokenizer_class", "'", name, "' is not supported, only ",
                   joined(std::vector<std::string>(known.begin(), known.end())));
  if (settings.has("auto_map"))
    settings.fail_at("auto_map", "the folder has code of its own, which STORM does not run");
  settings.only("split_special_tokens", false);
  settings.only("truncation_side", "right");
  return name;
}

// transformers builds its own classes' tokenizers from their settings, whatever tokenizer.json says; where the two
// disagree, so would the ids.
bool is_built_of_settings(const std::string& name) {
  return name != "PreTrainedTokenizerFast" && name != "TokenizersBackend";
}

const nlohmann::json& part_of(const nlohmann::json& tokenizer, const char* name) {
  static const nlohmann::json none = nlohmann::json::object();
  const auto it = tokenizer.find(name);
  return it != tokenizer.end() && it->is_object() ? *it : none;
}

std::string token_text(const nlohmann::json& token) {
  return token.is_object() ? token.value("content", "") : token.is_string() ? token.get<std::string>() : "";
}

}  // namespace

std::string byte_bpe_of(const Folder& folder) {
  const auto json = folder.json_if_there(kSettings);
  JsonFields settings(json, folder.path_of(kSettings));
  const auto name = tokenizer_class(
      folder, settings, {"GPT2Tokenizer", "GPT2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"});
  std::string bytes;
  if (!folder.has(kTokenizer) && folder.has("vocab.json")) {
    settings.only("add_prefix_space", false);
    bytes = pair_of(folder, "vocab.json", "merges.txt");
  } else {
    bytes = folder.text(kTokenizer);
    const auto tokenizer = parse_json(bytes, folder.path_of(kTokenizer));
    const bool prefix = part_of(tokenizer, "pre_tokenizer").value("add_prefix_space", false);
    if (settings.has("add_prefix_space") || is_built_of_settings(name))
      if (settings.on("add_prefix_space", false) != prefix)
        settings.fail_at("add_prefix_space", "tokenizer.json says otherwise, and transformers follows this file");
  }
  return bytes;
}

std::string wordpiece_of(const Folder& folder) {
  const auto json = folder.json_if_there(kSettings);
  JsonFields settings(json, folder.path_of(kSettings));
  const auto name = tokenizer_class(
      folder, settings, {"BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"});
  settings.only("tokenize_chinese_chars", true);
  settings.only("do_basic_tokenize", true);
  const bool lowercase = settings.on("do_lower_case", true);
  const bool strips = settings.on("strip_accents", lowercase);  // where nothing is said, as the case
  if (!folder.has(kTokenizer) && folder.has("vocab.txt")) {
    settings.only("strip_accents", lowercase);
    const auto list = folder.text("vocab.txt"), path = folder.path_of("vocab.txt");
    return from_piece_list({list, path}, lowercase);
  }
  auto bytes = folder.text(kTokenizer);
  const auto tokenizer = parse_json(bytes, folder.path_of(kTokenizer));
  const auto& normalizer = part_of(tokenizer, "normalizer");
  const auto agrees = [&](const char* key, bool said, bool theirs, bool of_tokenizer) {
    if ((said || is_built_of_settings(name)) && theirs != of_tokenizer)
      settings.fail_at(key, "tokenizer.json says otherwise, and transformers follows this file");
  };
  const auto on = [&](const nlohmann::json& part, const char* key, bool otherwise) {
    const auto it = part.find(key);
    return it != part.end() && it->is_boolean() ? it->get<bool>() : otherwise;
  };
  const bool lowers = on(normalizer, "lowercase", true);
  agrees("do_lower_case", settings.has("do_lower_case"), lowercase, lowers);
  agrees("strip_accents", settings.has("strip_accents"), strips, on(normalizer, "strip_accents", lowers));
  agrees("tokenize_chinese_chars", false, true, on(normalizer, "handle_chinese_chars", true));
  agrees("clean_text", false, true, on(normalizer, "clean_text", true));
  if (is_built_of_settings(name) && part_of(tokenizer, "model").value("max_input_chars_per_word", 100) != 100)
    settings.fail_at("max_input_chars_per_word", "tokenizer.json says otherwise, and transformers takes 100");
  return bytes;
}

void check_special_tokens(const Folder& folder, const Vocabulary& vocabulary) {
  const auto json = folder.json_if_there(kSettings);
  JsonFields settings(json, folder.path_of(kSettings));
  const auto same = [&](JsonFields& fields, const char* key, int32_t id) {
    if (!fields.has(key)) return;
    const auto name = token_text(fields.any(key));
    if (id >= 0 ? name != vocabulary.piece(id) : vocabulary.id_of(name) < 0)
      fields.fail_at(key, "'", name, "' is not what the vocabulary has",
                     id >= 0 ? str(", '", vocabulary.piece(id), "'") : "");
  };
  const auto more = folder.json_if_there("special_tokens_map.json"), added = folder.json_if_there("added_tokens.json");
  JsonFields map(more, folder.path_of("special_tokens_map.json"));
  for (JsonFields* fields : {&settings, &map}) {
    for (const auto& [key, id] : {std::pair("cls_token", vocabulary.bos_id()),
                                  {"sep_token", vocabulary.eos_id()},
                                  {"bos_token", vocabulary.bos_id()},
                                  {"eos_token", vocabulary.eos_id()},
                                  {"pad_token", vocabulary.pad_id()},
                                  {"unk_token", vocabulary.unk_id()},
                                  {"mask_token", vocabulary.id_of("[MASK]")}})
      same(*fields, key, id);
    for (const char* key : {"additional_special_tokens", "extra_special_tokens"})
      if (fields->has(key))
        for (const auto& token : fields->any(key))
          if (vocabulary.id_of(token_text(token)) < 0)
            fields->fail_at(key, "'", token_text(token), "' is none of the vocabulary's pieces");
  }
  const auto numbered = [&](const std::string& where, const std::string& token, const std::string& id) {
    require(std::to_string(vocabulary.id_of(token)) == id, where, ": '", token, "' is not piece ", id,
            " of the vocabulary");
  };
  if (settings.has("added_tokens_decoder"))
    for (const auto& [id, token] : settings.any("added_tokens_decoder").items())
      numbered(settings.where() + ".added_tokens_decoder", token_text(token), id);
  for (const auto& [token, id] : added.items()) numbered(folder.path_of("added_tokens.json"), token, id.dump());
}

bool puts_bos_before(const Vocabulary& vocabulary) {
  const auto tokenizer = nlohmann::json::parse(vocabulary.bytes());
  const auto& post = part_of(tokenizer, "post_processor");
  const auto type = post.value("type", "");
  if (type != "TemplateProcessing") return type == "BertProcessing" || type == "RobertaProcessing";
  const auto single = post.find("single");
  return single != post.end() && single->is_array() && !single->empty() && single->front().contains("SpecialToken");
}

namespace {

std::string target_table_of(const Folder& folder) {
  const auto json = folder.json_if_there(kSettings);
  return JsonFields(json, folder.path_of(kSettings)).on("separate_vocabs", false) ? "target_vocab.json" : "vocab.json";
}

Vocabulary with_pieces(const Vocabulary& vocabulary, const std::vector<std::string>& pieces) {
  nlohmann::json table = nlohmann::json::object();
  for (std::size_t id = 0; id < pieces.size(); ++id) table[pieces[id]] = id;
  const auto text = table.dump();
  return Vocabulary::from_bytes(with_table(without_table(vocabulary.bytes()), {text, "vocabulary"}));
}

std::vector<std::string> pieces_of(const Vocabulary& vocabulary) {
  std::vector<std::string> pieces;
  for (int32_t id = 0; id < vocabulary.size(); ++id) pieces.push_back(vocabulary.piece(id));
  return pieces;
}

// A table that numbers the pieces as the model does says nothing, and is left out.
std::string sentencepiece_of(const Folder& folder, const std::string& model, const std::string& table) {
  auto vocabulary = Vocabulary::from_bytes(pair_of(folder, model, table), folder.path_of(table));
  const auto own = own_settings(folder.config());
  if (const auto pad = own.find("pad"); pad != own.end()) {
    require(pad->is_number_integer() && *pad >= 0 && *pad < vocabulary.size(), folder.path_of("config.json"), ".",
            kOwnKey, ".pad: no id of the vocabulary");
    auto pieces = pieces_of(vocabulary);
    std::rotate(pieces.begin() + pad->get<std::ptrdiff_t>(), pieces.end() - 1, pieces.end());
    vocabulary = with_pieces(vocabulary, pieces);
  }
  auto without = without_table(vocabulary.bytes());
  const auto plain = Vocabulary::from_bytes(without, folder.path_of(model));
  return pieces_of(plain) == pieces_of(vocabulary) ? without : vocabulary.bytes();
}

}  // namespace

std::map<std::string, std::string> sentencepiece_pair_of(const Folder& folder) {
  const auto json = folder.json_if_there(kSettings);
  JsonFields settings(json, folder.path_of(kSettings));
  if (settings.has("sp_model_kwargs")) settings.only("sp_model_kwargs", nlohmann::json::object());
  tokenizer_class(folder, settings, {"MarianTokenizer"});
  for (const auto& [key, piece] : {std::pair("eos_token", "</s>"), {"unk_token", "<unk>"}, {"pad_token", "<pad>"}})
    if (settings.has(key) && token_text(settings.any(key)) != piece)
      settings.fail_at(key, "'", token_text(settings.any(key)), "' is not supported, only ", piece);
  auto source = sentencepiece_of(folder, "source.spm", "vocab.json");
  auto target = sentencepiece_of(folder, "target.spm", target_table_of(folder));
  if (source == target) return {{"vocab", std::move(source)}};
  return {{"vocab.src", std::move(source)}, {"vocab.tgt", std::move(target)}};
}

Vocabulary numbered_target_of(const Folder& folder) {
  const auto table = target_table_of(folder);
  return Vocabulary::from_bytes(pair_of(folder, "target.spm", table), folder.path_of(table));
}

Vocabulary with_padding_last(const Vocabulary& vocabulary) {
  auto pieces = pieces_of(vocabulary);
  const auto padding = pieces.begin() + vocabulary.pad_id();
  std::rotate(padding, padding + 1, pieces.end());
  return with_pieces(vocabulary, pieces);
}

bool is_tokenizer_json(const Vocabulary& vocabulary) { return is_json_object(vocabulary.bytes()); }

void add_tokenizer_json(std::map<std::string, std::string>& texts, const Vocabulary& vocabulary,
                        const std::string& tokenizer_class, int64_t longest) {
  nlohmann::json settings{{"tokenizer_class", tokenizer_class}};
  const auto name = [&](const char* key, int32_t id) {
    if (id >= 0) settings[key] = vocabulary.piece(id);
  };
  const bool bert = vocabulary.id_of("[CLS]") >= 0;
  name(bert ? "cls_token" : "bos_token", vocabulary.bos_id());
  name(bert ? "sep_token" : "eos_token", vocabulary.eos_id());
  name("pad_token", vocabulary.pad_id());
  name("unk_token", vocabulary.unk_id());
  if (bert) name("mask_token", vocabulary.id_of("[MASK]"));
  if (longest > 0) settings["model_max_length"] = longest;
  // What transformers would take by itself, and let overrule the tokenizer.
  const auto tokenizer = nlohmann::json::parse(vocabulary.bytes());
  for (const auto& [part, ours, theirs] : {std::tuple("normalizer", "lowercase", "do_lower_case"),
                                           {"normalizer", "strip_accents", "strip_accents"},
                                           {"pre_tokenizer", "add_prefix_space", "add_prefix_space"}})
    if (const auto& fields = part_of(tokenizer, part); fields.contains(ours)) settings[theirs] = fields.at(ours);
  texts[kTokenizer] = vocabulary.bytes();
  texts[kSettings] = json_text(settings);
}

void add_sentencepiece_pair(std::map<std::string, std::string>& texts, const Vocabulary& source,
                            const Vocabulary& target) {
  for (const Vocabulary* vocabulary : {&source, &target})
    for (const char* piece : {"</s>", "<unk>", "<pad>"})
      require(vocabulary->id_of(piece) >= 0, "a folder of Marian needs a vocabulary with the piece ", piece,
              ", which this one lacks; tokenize --learn makes one");
  auto table = table_text(source), of_target = table_text(target);
  const bool separate = table != of_target;
  texts["source.spm"] = without_table(source.bytes());
  texts["target.spm"] = without_table(target.bytes());
  texts["vocab.json"] = std::move(table);
  if (separate) texts["target_vocab.json"] = std::move(of_target);
  texts[kSettings] = json_text({{"tokenizer_class", "MarianTokenizer"},
                                {"eos_token", "</s>"},
                                {"unk_token", "<unk>"},
                                {"pad_token", "<pad>"},
                                {"model_max_length", 512},
                                {"separate_vocabs", separate}});
}

}  // namespace storm
