#include "exchange/tokenizer_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
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

}  // namespace

std::string byte_bpe_of(const Folder& folder) {
  const auto json = folder.json_if_there(kSettings);
  JsonFields settings(json, folder.path_of(kSettings));
  if (!folder.has(kTokenizer) && folder.has("vocab.json")) return pair_of(folder, "vocab.json", "merges.txt");
  auto bytes = folder.text(kTokenizer);
  const auto tokenizer = parse_json(bytes, folder.path_of(kTokenizer), "model");
  // transformers lets the settings overrule the tokenizer.
  if (const auto it = tokenizer.find("pre_tokenizer"); it != tokenizer.end() && it->is_object())
    if (it->contains("add_prefix_space")) settings.only("add_prefix_space", it->at("add_prefix_space"));
  return bytes;
}

std::string wordpiece_of(const Folder& folder) {
  const auto json = folder.json_if_there(kSettings);
  JsonFields settings(json, folder.path_of(kSettings));
  settings.only("tokenize_chinese_chars", true);
  settings.only("do_basic_tokenize", true);
  if (!folder.has(kTokenizer) && folder.has("vocab.txt")) {
    const bool uncased = settings.on("do_lower_case", true);
    settings.only("strip_accents", uncased);
    const auto list = folder.text("vocab.txt"), name = folder.path_of("vocab.txt");
    return from_piece_list({list, name}, uncased);
  }
  auto bytes = folder.text(kTokenizer);
  const auto tokenizer = parse_json(bytes, folder.path_of(kTokenizer), "model");
  if (const auto it = tokenizer.find("normalizer"); it != tokenizer.end() && it->is_object())
    if (it->contains("lowercase")) settings.only("do_lower_case", it->at("lowercase"));
  return bytes;
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
  settings.only("eos_token", "</s>");
  settings.only("unk_token", "<unk>");
  settings.only("pad_token", "<pad>");
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
  if (const auto it = tokenizer.find("normalizer"); it != tokenizer.end() && it->is_object())
    for (const auto& [theirs, ours] : {std::pair("do_lower_case", "lowercase"), {"strip_accents", "strip_accents"}})
      if (it->contains(ours)) settings[theirs] = it->at(ours);
  if (const auto it = tokenizer.find("pre_tokenizer"); it != tokenizer.end() && it->is_object())
    if (it->contains("add_prefix_space")) settings["add_prefix_space"] = it->at("add_prefix_space");
  texts[kTokenizer] = vocabulary.bytes();
  texts[kSettings] = json_text(settings);
}

void add_sentencepiece_pair(std::map<std::string, std::string>& texts, const Vocabulary& source,
                            const Vocabulary& target) {
  for (const Vocabulary* vocabulary : {&source, &target})
    for (const char* piece : {"</s>", "<unk>", "<pad>"})
      require(vocabulary->id_of(piece) >= 0, "a folder of Marian needs a vocabulary with the piece ", piece,
              ", which this one lacks; tokenize --learn makes one");
  const bool separate = table_text(source) != table_text(target);
  texts["source.spm"] = without_table(source.bytes());
  texts["target.spm"] = without_table(target.bytes());
  texts["vocab.json"] = table_text(source);
  if (separate) texts["target_vocab.json"] = table_text(target);
  texts[kSettings] = json_text({{"tokenizer_class", "MarianTokenizer"},
                                {"eos_token", "</s>"},
                                {"unk_token", "<unk>"},
                                {"pad_token", "<pad>"},
                                {"model_max_length", 512},
                                {"separate_vocabs", separate}});
}

}  // namespace storm
