#include "text/learn_pieces.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/error.h"
#include "text/bpe_trainer.h"
#include "text/byte_alphabet.h"
#include "text/byte_bpe_vocabulary.h"
#include "text/gpt2_words.h"
#include "text/word_counts.h"
#include "text/wordpiece_vocabulary.h"

namespace storm {

namespace {

using Lines = std::function<bool(std::string& line)>;

// Adds the special pieces, which come first, and the symbols.
AddedTokens add_tokens(TokenizerPieces& pieces, std::initializer_list<const char*> special,
                       const std::vector<std::string>& symbols) {
  AddedTokens found;
  std::unordered_set<std::string> seen;
  const auto add = [&](const std::string& text, bool is_special) {
    if (!seen.insert(text).second)
      throw UsageError(str("--symbols: '", text, "' ", is_special ? "" : "is there twice, or ",
                           "is a special piece of the vocabulary; leave it out"));
    pieces.added.push_back({.content = text, .id = static_cast<int32_t>(pieces.pieces.size()), .special = is_special});
    pieces.pieces.push_back(text);
    found.add(text, pieces.added.back());
  };
  for (const char* name : special) add(name, true);
  for (const auto& symbol : symbols) add(symbol, false);
  return found;
}

void require_size(const LearnPiecesOptions& options, std::size_t least, const char* what) {
  if (options.vocab_size <= static_cast<int64_t>(least))
    throw UsageError(str("--vocab-size: a vocabulary of ", options.vocab_size,
                         " has no piece to learn; special pieces, symbols and ", what, " take ", least));
}

void require_learnt(const TokenizerPieces& pieces, const LearnPiecesOptions& options) {
  require(static_cast<int64_t>(pieces.pieces.size()) >= options.vocab_size, "the text has no more than ",
          pieces.pieces.size(), " pieces; give more text, or --vocab-size ", pieces.pieces.size(), " or less");
}

// The most frequent characters that make up the share, in the order of code points.
std::vector<char32_t> covered(const std::map<char32_t, int64_t>& counts, double share) {
  std::vector<std::pair<int64_t, char32_t>> sorted;
  int64_t total = 0;
  for (const auto& [c, count] : counts) {
    sorted.emplace_back(-count, c);
    total += count;
  }
  std::ranges::sort(sorted);
  std::vector<char32_t> kept;
  int64_t seen = 0;
  for (const auto& [minus_count, c] : sorted) {
    if (share < 1 && static_cast<double>(seen) >= share * static_cast<double>(total)) break;
    kept.push_back(c);
    seen -= minus_count;
  }
  std::ranges::sort(kept);
  return kept;
}

std::string utf8(char32_t c) {
  std::string text;
  append_utf8(text, c);
  return text;
}

using Counted = std::vector<std::pair<std::u32string, int64_t>>;

// The words of normalised text, from those between spaces: what BERT's normalizer does to one of them does not depend
// on the others, so each is normalised once.
Counted bert_words(const Lines& next, const AddedTokens& tokens, const BertNormalizer& normalizer) {
  const auto raw = count_words(next, [&](std::string_view line, const CountWord& count) {
    for (std::size_t begin = 0, end; begin < line.size(); begin = end + 1) {
      end = std::min(line.find(' ', begin), line.size());
      if (end > begin) count(line.substr(begin, end - begin));
    }
  });
  std::map<std::u32string, int64_t> counts;
  std::vector<NormalizedCharacter> text;
  for (const auto& entry : raw) {
    const std::string_view word = entry.first;
    const int64_t count = entry.second;
    tokens.split(
        word,
        [&](std::size_t begin, std::size_t end) {
          normalizer.normalize(word.substr(begin, end - begin), 0, text);
          each_bert_word(text, [&](std::span<const NormalizedCharacter> part) {
            std::u32string characters;
            for (const auto& n : part) characters += n.c;
            counts[characters] += count;
          });
        },
        [](int32_t, std::size_t, std::size_t) {});
  }
  return {counts.begin(), counts.end()};
}

}  // namespace

std::string learn_wordpiece(const Lines& next, const LearnPiecesOptions& options) {
  WordPieceModel model;
  auto& pieces = model.pieces;
  pieces.pad = "[PAD]", pieces.unk = "[UNK]", pieces.bos = "[CLS]", pieces.eos = "[SEP]";
  model.normalizer.lowercase = model.normalizer.strip_accents = options.uncased;
  const auto tokens = add_tokens(pieces, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, options.symbols);
  if (!tokens.within_words()) throw UsageError("--symbols: one has white space in it, and words end there");
  const auto words = bert_words(next, tokens, model.normalizer);
  require(!words.empty(), "no text to learn a vocabulary from");

  std::map<char32_t, int64_t> counts;
  std::map<char32_t, int32_t> first, continuing;
  for (const auto& [word, count] : words)
    for (const auto c : word) counts[c] += count;
  const auto alphabet = covered(counts, options.character_coverage);
  const auto add = [&](const std::string& name) {
    const auto id = pieces.id_of(name);  // a symbol of one character is there
    if (id < 0) pieces.pieces.push_back(name);
    return id < 0 ? static_cast<int32_t>(pieces.pieces.size() - 1) : id;
  };
  for (const auto c : alphabet) first[c] = add(utf8(c));
  const auto known = [&](const std::u32string& word) {
    return std::ranges::all_of(word, [&](char32_t c) { return first.contains(c); });
  };
  for (const auto& [word, count] : words)
    if (known(word))
      for (std::size_t i = 1; i < word.size(); ++i) continuing.emplace(word[i], -1);
  for (auto& [c, id] : continuing) id = add(model.prefix + utf8(c));
  require_size(options, pieces.pieces.size(), "characters (fewer with --character-coverage 0.9995)");

  BpeTrainer trainer(pieces.pieces, [&](const std::string& left, const std::string& right) {
    return left + (right.starts_with(model.prefix) ? right.substr(model.prefix.size()) : right);
  });
  std::vector<int32_t> symbols;
  for (const auto& [word, count] : words) {
    if (!known(word) || word.size() > static_cast<std::size_t>(model.max_characters)) continue;
    symbols.assign(1, first[word[0]]);
    for (std::size_t i = 1; i < word.size(); ++i) symbols.push_back(continuing[word[i]]);
    trainer.add_word(symbols, count);
  }
  trainer.learn(static_cast<std::size_t>(options.vocab_size));
  require_learnt(pieces, options);
  return tokenizer_json(model);
}

std::string learn_byte_bpe(const Lines& next, const LearnPiecesOptions& options) {
  ByteBpeModel model;
  auto& pieces = model.pieces;
  pieces.bos = pieces.eos = "<|endoftext|>";
  const auto tokens = add_tokens(pieces, {"<|endoftext|>"}, options.symbols);
  std::array<int32_t, 256> bytes;
  std::map<char32_t, std::size_t> by_name;
  for (std::size_t byte = 0; byte < bytes.size(); ++byte) by_name[byte_alphabet()[byte]] = byte;
  for (const auto& [c, byte] : by_name) {
    bytes[byte] = pieces.id_of(utf8(c));
    if (bytes[byte] >= 0) continue;
    bytes[byte] = static_cast<int32_t>(pieces.pieces.size());
    pieces.pieces.push_back(utf8(c));
  }
  require_size(options, pieces.pieces.size(), "bytes");
  const auto words = count_words(next, [&](std::string_view line, const CountWord& count) {
    tokens.split(
        line,
        [&](std::size_t begin, std::size_t end) {
          const auto text = line.substr(begin, end - begin);
          each_gpt2_word(text, [&](std::size_t from, std::size_t to) { count(text.substr(from, to - from)); });
        },
        [](int32_t, std::size_t, std::size_t) {});
  });
  require(!words.empty(), "no text to learn a vocabulary from");
  BpeTrainer trainer(pieces.pieces, [](const std::string& left, const std::string& right) { return left + right; });
  std::vector<int32_t> symbols;
  for (const auto& [word, count] : words) {
    symbols.clear();
    for (const char byte : word) symbols.push_back(bytes[static_cast<unsigned char>(byte)]);
    trainer.add_word(symbols, count);
  }
  for (const auto& [left, right] : trainer.learn(static_cast<std::size_t>(options.vocab_size)))
    model.merges.emplace_back(pieces.pieces[static_cast<std::size_t>(left)],
                              pieces.pieces[static_cast<std::size_t>(right)]);
  require_learnt(pieces, options);
  return tokenizer_json(model);
}

}  // namespace storm
