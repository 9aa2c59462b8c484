// Vocabularies of all kinds, and text that is hard to cut.
#pragma once

#include <sentencepiece_trainer.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "tests/catch.h"
#include "tests/stream/bytes.h"
#include "text/utf8.h"

namespace storm::test {

using Spec = std::map<std::string, std::string>;

// SentencePiece's own trainer, since our learn() offers less than a foreign model may hold.
inline std::string trained(const Spec& changes) {
  std::string lines;
  for (const char* who : {"the old dog", "a small cat", "Jürgen", "my é e\u0301 한국", "日本語 x,y <a> foo bar"})
    for (const char* verb : {"sees", "follows", "does not like", "sings to 12 3.5"})
      for (const char* whom : {"the old dog", "a small cat", "Jürgen", "Ωmega"})
        lines += str(who, " ", verb, " ", whom, ".\n");
  const ScratchFile text(lines);
  std::unordered_map<std::string, std::string> spec{
      {"vocab_size", "350"},  {"model_type", "bpe"}, {"byte_fallback", "1"},   {"character_coverage", "1"},
      {"pad_id", "0"},        {"unk_id", "1"},       {"bos_id", "2"},          {"eos_id", "3"},
      {"input", text.path()}, {"minloglevel", "3"},  {"hard_vocab_limit", "0"}};
  for (const auto& [key, value] : changes) spec[key] = value;
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(spec, nullptr, &model);
  REQUIRE(status.ok());
  return model;
}

// Lines of what goes wrong where text is cut: spaces of all kinds, marks that combine, characters whose normal form
// holds a space or is empty, SentencePiece's own signs, words that come again and words that never do.
inline std::vector<std::string> nasty_lines(std::size_t count) {
  using namespace std::string_literals;
  const std::vector<std::string> atoms{
      "the", "old", "dog", "cat", "do", "g", ".", ",", "!", "x", "12", "Jürgen", "foo", "bar", "x,y", "b",
      // spaces, and what becomes one
      " ", " ", " ", " ", " ", " ", " ", " ", "  ", "   ", "\t", "\u00a0", "\u3000", "\u2003", "\u202f", "\u1680",
      "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\ufeff", "\u2028", "\u0085", "\r", "\v", "\uFFFD",
      // nothing to see
      "\u00ad", "\u2060", "\x01", "\x7f", "\0"s, "\U000E0001",
      // normal forms with a space: acute, diaeresis, dialytika tonos, ypogegrammeni, double low line, an Arabic phrase
      "\u00b4", "\u00a8", "\u0385", "\u037a", "\u2017", "\ufdfa", "\u1fbf", "\uffe3",
      // marks, alone and with a letter
      "\u0301", "\u0308", "\u3099", "\uff9e", "e\u0301", "é", "A\u030a", "Å", "か\u3099", "ｶﾞ", "\u1100\u1161",
      "\u0f71\u0f72", "\u05d0\u05b7",
      // letters and pictures of many kinds
      "ﬁ", "Ａ", "½", "日本語", "한국", "Ωmega", "ﷺ", "हिन्दी", "\U0001F600", "👨\u200d👩\u200d👧", "🇩🇪", "\U0010FFFF",
      // SentencePiece's signs
      "\u2581", "\u2581the", "<s>", "</s>", "<unk>", "<a>", "<0x0A>", "<a b>", "\u2047"};
  RandomStream random(1, RandomUse::sampling);
  std::vector<std::string> lines{"",       " ",        "  ",     "\u00a0", "\x01", " \x01 ",
                                 "\u00b4", "a \u00b4", "\u2581", "a  b",   "a b "};
  while (lines.size() < count) {
    std::string line;
    for (auto n = random.below(25); n > 0; --n) {
      const auto kind = random.below(12);
      if (kind > 1) {
        line += atoms[random.below(kind > 5 ? 40 : atoms.size())];
      } else if (kind == 1) {
        line += std::string(random.below(50), static_cast<char>('a' + random.below(26)));
      } else {
        const auto c = random.below(0x30000);
        for (const uint64_t byte : {0xf0 | c >> 18, 0x80 | (c >> 12 & 63), 0x80 | (c >> 6 & 63), 0x80 | (c & 63)})
          line += static_cast<char>(byte);
        line = replace_invalid_utf8(line);
      }
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace storm::test
