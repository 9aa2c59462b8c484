#include "text/foreign_vocabulary.h"

#include <algorithm>

#include "base/error.h"
#include "text/byte_bpe_vocabulary.h"
#include "text/sentencepiece_table.h"
#include "text/utf8.h"
#include "text/wordpiece_vocabulary.h"

namespace storm {

namespace {

// The next line, without its LF or CRLF.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void require_utf8(std::string_view line, std::string_view name, std::size_t number) {
  const auto valid = valid_utf8_prefix(line);
  require(valid == line.size(), name, ": line ", number, ": invalid UTF-8 at byte ", valid);
}

// Adds the tokens of these names that are pieces.
void add_special(TokenizerPieces& pieces, std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    if (const auto id = pieces.id_of(name); id >= 0)
      pieces.added.push_back({.content = std::string(name), .id = id, .lstrip = name == "<mask>", .special = true});
}

std::string gpt2(NamedText vocab, NamedText merges) {
  ByteBpeModel model;
  auto& pieces = model.pieces;
  pieces.pieces = pieces_of_table(vocab);
  for (std::size_t number = 1; !merges.text.empty(); ++number) {
    const auto line = take_line(merges.text);
    require_utf8(line, merges.name, number);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const auto space = line.find(' ');
    require(space != line.npos && line.find(' ', space + 1) == line.npos, merges.name, ": line ", number,
            ": not two pieces with a space between");
    const auto left = line.substr(0, space), right = line.substr(space + 1);
    model.merges.emplace_back(left, right);
  }
  add_special(pieces, {"<|endoftext|>", "<s>", "<pad>", "</s>", "<unk>", "<mask>"});
  const auto if_added = [&](const std::string& name, const std::string& otherwise = "") {
    return pieces.is_added(name) ? name : otherwise;
  };
  pieces.bos = if_added("<s>", if_added("<|endoftext|>"));
  pieces.eos = if_added("</s>", if_added("<|endoftext|>"));
  pieces.unk = if_added("<unk>");
  return tokenizer_json(model);
}

}  // namespace

bool is_piece_list(std::string_view text) {
  if (text.starts_with("storm.")) return false;
  while (!text.empty())
    if (take_line(text) == "[UNK]") return true;
  return false;
}

std::string from_piece_list(NamedText list, bool uncased) {
  WordPieceModel model;
  auto& pieces = model.pieces;
  for (auto text = list.text; !text.empty();) {
    const auto piece = take_line(text);
    require_utf8(piece, list.name, pieces.pieces.size() + 1);
    require(!piece.empty(), list.name, ": line ", pieces.pieces.size() + 1, ": empty; a piece needs a character");
    pieces.pieces.emplace_back(piece);
  }
  pieces.check(std::string(list.name));
  add_special(pieces, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
  const auto if_added = [&](const std::string& name) { return pieces.is_added(name) ? name : std::string(); };
  pieces.unk = "[UNK]";
  pieces.bos = if_added("[CLS]");
  pieces.eos = if_added("[SEP]");
  model.normalizer.lowercase = model.normalizer.strip_accents = uncased;
  return tokenizer_json(model);
}

std::string from_pair(NamedText first, NamedText second) {
  return is_json_object(first.text) ? gpt2(first, second) : with_table(std::string(first.text), second);
}

}  // namespace storm
