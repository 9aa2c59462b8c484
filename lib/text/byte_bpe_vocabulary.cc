#include "text/byte_bpe_vocabulary.h"

#include <array>

#include "base/error.h"
#include "text/bpe_merges.h"
#include "text/byte_alphabet.h"
#include "text/gpt2_words.h"
#include "text/utf8.h"

namespace storm {

namespace {

class ByteBpeVocabulary final : public TokenizerVocabulary {
 public:
  ByteBpeVocabulary(ByteBpeModel model, const std::string& where);

  void encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const override;
  std::string decode(std::span<const int32_t> ids) const override {
    std::string bytes;
    for (const auto id : ids)
      if (!is_control(id)) bytes += texts_[static_cast<std::size_t>(id)];
    return replace_invalid_utf8(bytes);
  }
  // With the text that it stands for, where that is whole characters.
  std::string marked_piece(int32_t id) const override {
    const auto& text = texts_[static_cast<std::size_t>(id)];
    if (is_control(id) || valid_utf8_prefix(text) < text.size()) return piece(id);
    return text.starts_with(' ') ? "\u2581" + text.substr(1) : text;
  }
  std::string marked_bytes(int32_t id) const override {
    const auto& text = texts_[static_cast<std::size_t>(id)];
    return !is_control(id) && text.starts_with(' ') ? "\u2581" + text.substr(1) : text;
  }
  std::string extended(const std::string& bytes, std::span<const std::string> pieces) const override;
  WordRule word_rule(std::string_view) const override {
    return raw_.within_led_words() && normalized_.within_led_words() ? WordRule::led : WordRule::none;
  }

 private:
  bool add_prefix_space_;
  std::vector<std::string> texts_;  // the bytes that each piece stands for
  std::array<int32_t, 256> byte_ids_;
  BpeMerges merges_;
  AddedTokens raw_, normalized_;  // nothing is normalised; the second are looked for in what the first leave
};

ByteBpeVocabulary::ByteBpeVocabulary(ByteBpeModel model, const std::string& where)
    : TokenizerVocabulary(std::move(model.pieces), where + ".vocab"), add_prefix_space_(model.add_prefix_space) {
  for (int32_t id = 0; id < size(); ++id) texts_.push_back(bytes_of_name(piece(id)).value_or(piece(id)));
  for (const auto& token : added()) {
    texts_[static_cast<std::size_t>(token.id)] = token.content;
    (token.normalized ? normalized_ : raw_).add(token.content, token);
  }
  const auto id_in_model = [&](const std::string& name) {
    const auto id = id_of(name);
    return in_model(id) ? id : -1;
  };
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    const auto name = bytes_spelled(std::string(1, static_cast<char>(byte)));
    byte_ids_[byte] = id_in_model(name);
    require(byte_ids_[byte] >= 0, where, ".vocab: no piece for byte ", byte, " ('", name,
            "'); without one a text with this byte could not be written");
  }
  for (std::size_t i = 0; i < model.merges.size(); ++i) {
    const std::string &left = model.merges[i].first, &right = model.merges[i].second;
    const auto id = [&](const std::string& name) {
      const auto found = id_in_model(name);
      require(found >= 0, where, ".merges: merge ", i + 1, ", '", left, "' and '", right, "': no piece '", name, "'");
      return found;
    };
    const auto left_id = id(left), right_id = id(right);
    merges_.add(left_id, right_id, id(left + right));
  }
}

void ByteBpeVocabulary::encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const {
  ids.clear();
  if (ranges) ranges->clear();
  const auto put = [&](int32_t id, ByteRange range) {
    ids.push_back(id);
    if (ranges) ranges->push_back(range);
  };
  std::vector<BpeMerges::Symbol> word;
  std::string spaced;
  const auto cut = [&](std::size_t begin, std::size_t end) {
    auto text = line.substr(begin, end - begin);
    const bool prefix = add_prefix_space_ && text[0] != ' ';
    if (prefix) text = spaced.assign(" ").append(text);
    const auto place = [&](std::size_t at) {  // in the line; the space that was put in front is nowhere
      return static_cast<int32_t>(begin + at - (prefix && at > 0 ? 1 : 0));
    };
    each_gpt2_word(text, [&](std::size_t from, std::size_t to) {
      word.clear();
      for (auto at = from; at < to; ++at)
        word.push_back({byte_ids_[static_cast<unsigned char>(text[at])], {place(at), place(at + 1)}});
      merges_.apply(word);
      for (const auto& symbol : word) put(symbol.id, symbol.range);
    });
  };
  const auto token = [&](int32_t id, std::size_t begin, std::size_t end) {
    put(id, {static_cast<int32_t>(begin), static_cast<int32_t>(end)});
  };
  raw_.split(
      line,
      [&](std::size_t begin, std::size_t end) {
        if (normalized_.empty()) return cut(begin, end);
        normalized_.split(
            line.substr(begin, end - begin), [&](std::size_t b, std::size_t e) { cut(begin + b, begin + e); },
            [&](int32_t id, std::size_t b, std::size_t e) { token(id, begin + b, begin + e); });
      },
      token);
}

// Added tokens, since a piece without merges would never come up.
std::string ByteBpeVocabulary::extended(const std::string& bytes, std::span<const std::string> pieces) const {
  constexpr std::string_view kMark = "\u2581";
  std::vector<std::string> contents;
  for (const auto& piece : pieces) {
    auto text = piece.starts_with(kMark) ? " " + piece.substr(kMark.size()) : piece;
    if (id_of(text) < 0 && id_of(bytes_spelled(text)) < 0) contents.push_back(std::move(text));
  }
  return extended_tokenizer_json(bytes, contents, true);
}

std::vector<std::pair<std::string, std::string>> read_merges(JsonFields& model) {
  std::vector<std::pair<std::string, std::string>> merges;
  const auto& all = model.any("merges");
  if (!all.is_array()) model.fail_at("merges", "no list");
  for (const auto& merge : all) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      merges.emplace_back(merge[0], merge[1]);
      continue;
    }
    const auto text = merge.is_string() ? merge.get<std::string>() : "";  // as transformers 4 writes it: "a b"
    const auto space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos)
      model.fail_at("merges", "merge ", merges.size() + 1, " is neither [\"a\",\"b\"] nor \"a b\"");
    merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return merges;
}

}  // namespace

std::unique_ptr<const VocabularyKind> make_byte_bpe(JsonFields& root, JsonFields& json) {
  ByteBpeModel model;
  model.pieces = read_pieces(root, json, kEndOfText, kEndOfText);
  model.pieces.unk = json.text("unk_token", "");
  if (json.has("dropout") && json.any("dropout") != 0) json.only("dropout", nullptr);
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) json.only(affix, "");
  for (const char* off : {"byte_fallback", "ignore_merges"}) json.only(off, false);
  json.ignore("fuse_unk");  // no byte is unknown
  model.merges = read_merges(json);

  root.only("normalizer", nullptr);
  JsonFields splitter = root.object("pre_tokenizer");
  splitter.must("type", "ByteLevel");
  model.add_prefix_space = splitter.on("add_prefix_space", true);
  splitter.only("use_regex", true);
  splitter.ignore("trim_offsets");  // pieces keep their space
  splitter.done();
  if (root.has("decoder")) {
    JsonFields decoder = root.object("decoder");
    decoder.must("type", "ByteLevel");
    for (const char* offsets : {"add_prefix_space", "trim_offsets", "use_regex"}) decoder.ignore(offsets);
    decoder.done();
  }
  return std::make_unique<const ByteBpeVocabulary>(std::move(model), json.where());
}

std::string tokenizer_json(const ByteBpeModel& model) {
  const auto level = str(R"({"type":"ByteLevel","add_prefix_space":)", model.add_prefix_space ? "true" : "false",
                         R"(,"trim_offsets":true,"use_regex":true})");
  std::string merges;
  for (const auto& [left, right] : model.merges)
    merges += str(merges.empty() ? "\n[" : ",\n[", json_quoted(left), ",", json_quoted(right), "]");
  const auto unk = model.pieces.unk.empty() ? "null" : json_quoted(model.pieces.unk);
  return tokenizer_json(
      model.pieces, {.pre_tokenizer = level,
                     .decoder = level,
                     .model = str(R"("type":"BPE","dropout":null,"unk_token":)", unk,
                                  R"(,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,)",
                                  R"("byte_fallback":false,"ignore_merges":false,)"),
                     .behind = str(",\"merges\":[", merges, "]")});
}

}  // namespace storm
