#include "text/sentencepiece_table.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "text/foreign_vocabulary.h"
#include "text/protobuf.h"
#include "text/tokenizer_json.h"

namespace storm {

namespace {

constexpr uint64_t kTableField = 200;  // the first of those that sentencepiece_model.proto leaves to others
constexpr std::string_view kSpace = "\u2581";

bool is_language(std::string_view piece) {
  return piece.size() > 4 && piece.starts_with(">>") && piece.ends_with("<<");
}

class TableVocabulary final : public VocabularyKind {
 public:
  TableVocabulary(std::unique_ptr<const VocabularyKind> model, std::vector<std::string> pieces, std::string_view name);

  void encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const override;
  std::vector<std::string> encode_pieces(std::string_view line) const override {
    const auto language = language_of(line);
    auto pieces = model_->encode_pieces(line.substr(language.size()));
    if (!language.empty()) pieces.insert(pieces.begin(), std::string(language));
    return pieces;
  }
  std::string decode(std::span<const int32_t> ids) const override;
  const std::string& piece(int32_t id) const override { return pieces_[static_cast<std::size_t>(id)]; }
  int32_t id_of(std::string_view piece) const override {
    const auto it = ids_.find(piece);
    return it == ids_.end() ? -1 : it->second;
  }
  int32_t size() const override { return static_cast<int32_t>(pieces_.size()); }
  Special special() const override { return special_; }
  WordRule word_rule(std::string_view bytes) const override {
    return has_languages_ ? WordRule::none : model_->word_rule(bytes);
  }

 private:
  std::string_view language_of(std::string_view line) const {
    if (!has_languages_ || !line.starts_with(">>")) return {};
    const auto end = line.find("<<");
    const auto name = end == line.npos ? line.substr(0, 0) : line.substr(0, end + 2);
    return is_language(name) && id_of(name) >= 0 ? name : name.substr(0, 0);
  }

  std::unique_ptr<const VocabularyKind> model_;
  std::vector<std::string> pieces_;
  std::unordered_map<std::string_view, int32_t> ids_;
  std::vector<int32_t> of_model_;  // ids by the model's own; -1: not in the table
  Special special_;
  bool has_languages_ = false;
};

TableVocabulary::TableVocabulary(std::unique_ptr<const VocabularyKind> model, std::vector<std::string> pieces,
                                 std::string_view name)
    : model_(std::move(model)), pieces_(std::move(pieces)) {
  for (const auto& piece : pieces_) {
    require(ids_.emplace(piece, static_cast<int32_t>(ids_.size())).second, name, ": '", piece,
            "' is twice in the table of ids");
    has_languages_ = has_languages_ || is_language(piece);
  }
  special_ = {id_of("<pad>"), id_of("<unk>"), id_of("<s>"), id_of("</s>")};
  require(special_.unk >= 0, name, ": the table of ids has no <unk>, which pieces become that it does not have");
  for (int32_t id = 0; id < model_->size(); ++id) of_model_.push_back(id_of(model_->piece(id)));
}

void TableVocabulary::encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const {
  const auto language = language_of(line);
  const auto text = line.substr(language.size());
  model_->encode(text, ids, ranges);
  // Text that the model does not know may be a piece of the table.
  std::vector<std::string> spelled;
  if (std::ranges::find(ids, model_->special().unk) != ids.end()) spelled = model_->encode_pieces(text);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool unknown = ids[i] == model_->special().unk && spelled.size() == ids.size();
    ids[i] = unknown ? id_of(spelled[i]) : of_model_[static_cast<std::size_t>(ids[i])];
    if (ids[i] < 0) ids[i] = special_.unk;
  }
  if (language.empty()) return;
  ids.insert(ids.begin(), id_of(language));
  if (!ranges) return;
  const auto length = static_cast<int32_t>(language.size());
  for (auto& range : *ranges) range = {range.begin + length, range.end + length};
  ranges->insert(ranges->begin(), {0, length});
}

// As the model decodes; with pieces that are in the table alone, as their names say.
std::string TableVocabulary::decode(std::span<const int32_t> ids) const {
  std::vector<int32_t> of_model;
  std::string names;
  bool all_known = true;
  for (const auto id : ids) {
    if (id == special_.pad || id == special_.bos || id == special_.eos) continue;
    of_model.push_back(id == special_.unk ? model_->special().unk : model_->id_of(piece(id)));
    all_known = all_known && of_model.back() >= 0;
    names += piece(id);
  }
  if (all_known) return model_->decode(of_model);
  for (std::size_t at = 0; (at = names.find(kSpace, at)) != names.npos; ++at) names.replace(at, kSpace.size(), " ");
  return names.starts_with(' ') ? names.substr(1) : names;
}

}  // namespace

std::vector<std::string> pieces_of_table(NamedText json) {
  const auto table = parse_json(json.text, json.name);
  require(table.is_object(), json.name, ": no object of pieces and ids");
  TokenizerPieces pieces;
  for (const auto& [piece, id] : table.items()) {
    require(id.is_number_integer(), json.name, ": '", piece, "' has no whole number");
    pieces.put(id.get<int64_t>(), piece, table.size(), std::string(json.name));
  }
  pieces.check(std::string(json.name));
  return std::move(pieces.pieces);
}

std::string with_table(std::string model, NamedText json) {
  const auto table = nlohmann::json(pieces_of_table(json)).dump();
  return std::move(model) + message_field(kTableField, table);
}

std::string without_table(std::string model) {
  const auto field = message_field(kTableField, nlohmann::json(table_of(model, "vocabulary")).dump());
  if (model.ends_with(field)) model.resize(model.size() - field.size());
  return model;
}

std::vector<std::string> table_of(std::string_view model, std::string_view name) {
  std::vector<std::string> pieces;
  each_field(model, [&](uint64_t field, uint64_t, std::string_view bytes) {
    if (field != kTableField) return;
    const auto table = parse_json(bytes, name);
    require(table.is_array() && std::ranges::all_of(table, [](const auto& piece) { return piece.is_string(); }), name,
            ": its table of ids is no list of pieces");
    pieces = table.get<std::vector<std::string>>();
  });
  return pieces;
}

std::unique_ptr<const VocabularyKind> make_table_vocabulary(std::unique_ptr<const VocabularyKind> model,
                                                            std::vector<std::string> pieces, std::string_view name) {
  return std::make_unique<const TableVocabulary>(std::move(model), std::move(pieces), name);
}

}  // namespace storm
