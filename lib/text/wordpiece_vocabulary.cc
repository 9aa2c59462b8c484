#include "text/wordpiece_vocabulary.h"

#include <algorithm>

#include "base/error.h"
#include "text/piece_trie.h"

namespace storm {

namespace {

using Characters = std::vector<NormalizedCharacter>;

std::string utf8(std::span<const NormalizedCharacter> characters) {
  std::string text;
  for (const auto& n : characters) append_utf8(text, n.c);
  return text;
}

// The one rule of decoded text: what `tokenizers` does to the text of each piece, one piece at a time, so that a space
// goes where it stands before these within a piece's own text.
std::string cleaned_up(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules)
    for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
      text.replace(at, from.size(), to);
  return text;
}

class WordPieceVocabulary final : public TokenizerVocabulary {
 public:
  WordPieceVocabulary(WordPieceModel model, const std::string& where);

  void encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const override;
  std::string decode(std::span<const int32_t> ids) const override;
  std::string marked_piece(int32_t id) const override {
    const auto& name = piece(id);
    return continues(name) ? name.substr(model_.prefix.size()) : is_control(id) ? name : "\u2581" + name;
  }
  std::string extended(const std::string& bytes, std::span<const std::string> pieces) const override;
  WordRule word_rule(std::string_view) const override {
    return raw_.within_words() && normalized_.within_words() ? WordRule::collapsed : WordRule::none;
  }

 private:
  struct Sink {
    std::vector<int32_t>& ids;
    std::vector<ByteRange>* ranges;
    void put(int32_t id, ByteRange range) {
      ids.push_back(id);
      if (ranges) ranges->push_back(range);
    }
  };
  bool continues(std::string_view name) const { return name.starts_with(model_.prefix); }
  void cut(std::span<const NormalizedCharacter> text, Sink& sink) const;
  void cut_at_tokens(std::span<const NormalizedCharacter> text, Sink& sink) const;
  void cut_word(std::span<const NormalizedCharacter> word, Sink& sink) const;

  WordPieceModel model_;  // but for its pieces
  PieceTrie first_, continuing_;
  AddedTokens raw_, normalized_;
};

WordPieceVocabulary::WordPieceVocabulary(WordPieceModel model, const std::string& where)
    : TokenizerVocabulary(std::move(model.pieces), where), model_(std::move(model)) {
  require(special().unk >= 0, where, ": a WordPiece vocabulary needs an unknown piece; none is named");
  for (int32_t id = 0; id < size(); ++id) {
    if (!in_model(id)) continue;
    const std::string_view name = piece(id);
    first_.add(name, id);
    if (continues(name) && name != model_.prefix) continuing_.add(name.substr(model_.prefix.size()), id);
  }
  Characters spelled;
  for (const auto& token : added()) {
    if (!token.normalized) {
      raw_.add(token.content, token);
      continue;
    }
    model_.normalizer.normalize(token.content, 0, spelled);
    require(!spelled.empty(), where, ": of the added token '", token.content, "' normalisation leaves nothing");
    normalized_.add(utf8(spelled), token);
  }
}

void WordPieceVocabulary::encode(std::string_view line, std::vector<int32_t>& ids,
                                 std::vector<ByteRange>* ranges) const {
  ids.clear();
  if (ranges) ranges->clear();
  Sink sink{ids, ranges};
  Characters text;
  raw_.split(
      line,
      [&](std::size_t begin, std::size_t end) {
        model_.normalizer.normalize(line.substr(begin, end - begin), static_cast<int32_t>(begin), text);
        normalized_.empty() ? cut(text, sink) : cut_at_tokens(text, sink);
      },
      [&](int32_t id, std::size_t begin, std::size_t end) {
        sink.put(id, {static_cast<int32_t>(begin), static_cast<int32_t>(end)});
      });
}

void WordPieceVocabulary::cut(std::span<const NormalizedCharacter> text, Sink& sink) const {
  each_bert_word(text, [&](std::span<const NormalizedCharacter> word) { cut_word(word, sink); });
}

ByteRange range_of(std::span<const NormalizedCharacter> characters) {
  ByteRange range = characters[0].from;
  for (const auto& n : characters) range = {std::min(range.begin, n.from.begin), std::max(range.end, n.from.end)};
  return range;
}

// Finds the added tokens of normalised text, and cuts what stands between.
void WordPieceVocabulary::cut_at_tokens(std::span<const NormalizedCharacter> text, Sink& sink) const {
  const auto spelled = utf8(text);
  std::vector<std::size_t> character(spelled.size() + 1, text.size());  // by byte
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    character[at] = i;
    next_code_point(spelled, at);
  }
  const auto stretch = [&](std::size_t begin, std::size_t end) {
    return text.subspan(character[begin], character[end] - character[begin]);
  };
  normalized_.split(
      spelled, [&](std::size_t begin, std::size_t end) { cut(stretch(begin, end), sink); },
      [&](int32_t id, std::size_t begin, std::size_t end) { sink.put(id, range_of(stretch(begin, end))); });
}

void WordPieceVocabulary::cut_word(std::span<const NormalizedCharacter> word, Sink& sink) const {
  const auto unknown = [&] { sink.put(special().unk, range_of(word)); };
  if (word.size() > static_cast<std::size_t>(model_.max_characters)) return unknown();
  const auto text = utf8(word);
  const auto before = sink.ids.size(), ranges_before = sink.ranges ? sink.ranges->size() : 0;
  std::size_t character = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [id, length] = (at == 0 ? first_ : continuing_).longest(std::string_view(text).substr(at));
    if (id < 0) {
      sink.ids.resize(before);
      if (sink.ranges) sink.ranges->resize(ranges_before);
      return unknown();
    }
    const auto first = character;
    for (const auto end = at + length; at < end; ++character) next_code_point(text, at);
    sink.put(id, range_of(word.subspan(first, character - first)));
  }
}

// Words as normalisation leaves them, which are taken whole where no longer piece begins them.
std::string WordPieceVocabulary::extended(const std::string& bytes, std::span<const std::string> pieces) const {
  std::vector<std::string> words;
  Characters text;
  for (const auto& piece : pieces) {
    model_.normalizer.normalize(piece, 0, text);
    if (!text.empty() && text[0].c == 0x2581) text.erase(text.begin());
    const auto before = words.size();
    each_bert_word(text, [&](std::span<const NormalizedCharacter> word) { words.push_back(utf8(word)); });
    require(text.size() <= static_cast<std::size_t>(model_.max_characters), "'", piece, "' has more than ",
            model_.max_characters, " characters, and words above that are unknown");
    require(words.size() == before + 1, "'", piece, "' is no word, or several, to this vocabulary's splitter");
  }
  return extended_tokenizer_json(bytes, words, false);
}

std::string WordPieceVocabulary::decode(std::span<const int32_t> ids) const {
  std::string text;
  bool first = true;
  for (const auto id : ids) {
    if (is_control(id)) continue;
    const auto& name = piece(id);
    auto part = first ? name : continues(name) ? name.substr(model_.prefix.size()) : " " + name;
    text += model_.cleanup ? cleaned_up(std::move(part)) : part;
    first = false;
  }
  return text;
}

}  // namespace

std::unique_ptr<const VocabularyKind> make_wordpiece(JsonFields& root, JsonFields& json) {
  WordPieceModel model;
  model.pieces = read_pieces(root, json, "[CLS]", "[SEP]");
  model.pieces.unk = json.text("unk_token", "[UNK]");
  model.prefix = json.text("continuing_subword_prefix", "##");
  model.max_characters = json.integer("max_input_chars_per_word", 100);
  if (model.max_characters < 1 || model.max_characters > 10000)
    json.fail_at("max_input_chars_per_word", "has to be from 1 to 10000");

  JsonFields normalizer = root.object("normalizer");
  normalizer.must("type", "BertNormalizer");
  model.normalizer.lowercase = normalizer.on("lowercase", true);
  model.normalizer.strip_accents = normalizer.on("strip_accents", model.normalizer.lowercase);
  model.normalizer.clean_text = normalizer.on("clean_text", true);
  model.normalizer.chinese_characters = normalizer.on("handle_chinese_chars", true);
  normalizer.done();
  JsonFields splitter = root.object("pre_tokenizer");
  splitter.must("type", "BertPreTokenizer");
  splitter.done();
  if (root.has("decoder")) {
    JsonFields decoder = root.object("decoder");
    decoder.must("type", "WordPiece");
    decoder.only("prefix", model.prefix);
    model.cleanup = decoder.on("cleanup", true);
    decoder.done();
  }
  return std::make_unique<const WordPieceVocabulary>(std::move(model), json.where() + ".vocab");
}

std::string tokenizer_json(const WordPieceModel& model) {
  const auto on = [](bool value) { return value ? "true" : "false"; };
  const auto& n = model.normalizer;
  return tokenizer_json(model.pieces, {.normalizer = str(R"({"type":"BertNormalizer","clean_text":)", on(n.clean_text),
                                                         ",\"handle_chinese_chars\":", on(n.chinese_characters),
                                                         ",\"strip_accents\":", on(n.strip_accents),
                                                         ",\"lowercase\":", on(n.lowercase), "}"),
                                       .pre_tokenizer = R"({"type":"BertPreTokenizer"})",
                                       .decoder = str(R"({"type":"WordPiece","prefix":)", json_quoted(model.prefix),
                                                      ",\"cleanup\":", on(model.cleanup), "}"),
                                       .model = str(R"("type":"WordPiece","unk_token":)", json_quoted(model.pieces.unk),
                                                    ",\"continuing_subword_prefix\":", json_quoted(model.prefix),
                                                    ",\"max_input_chars_per_word\":", model.max_characters, ","),
                                       .behind = ""});
}

}  // namespace storm
