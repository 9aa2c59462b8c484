// What tokenize --learn does: a vocabulary from text, or a larger one from a vocabulary.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/input.h"
#include "base/log.h"
#include "base/output.h"
#include "base/split.h"
#include "text/learn.h"
#include "text/learn_list.h"
#include "text/learn_pieces.h"
#include "text/lines.h"
#include "text/utf8.h"
#include "text/vocabulary.h"
#include "tools/cli.h"

namespace storm {

inline std::vector<std::string> split_names(std::string_view text, std::string_view flag) {
  auto names = split_at_commas(text);
  if (std::ranges::find(names, "") != names.end()) throw UsageError(str("--", flag, ": an empty name in '", text, "'"));
  return names;
}

// The lines of a tool's operands, one at a time; they are valid UTF-8, or mended where --replace-invalid says so.
class TextLines {
 public:
  explicit TextLines(const Args& args) : reader_(args.operands()), replace_(args.on("replace-invalid")) {}

  bool operator()(std::string& line) {
    if (at_ == block_.size()) {
      at_ = 0;
      if (!reader_.next(block_, false)) return false;
    }
    line = block_[at_];
    if (const auto valid = valid_utf8_prefix(line); valid < line.size()) {
      require(replace_, block_.where(at_), ": invalid UTF-8 at byte ", valid, "; mend it, or give --replace-invalid");
      line = replace_invalid_utf8(line);
    }
    ++at_;
    ++count_;
    return true;
  }
  int64_t count() const { return count_; }  // so far

 private:
  LineReader reader_;
  LineBlock block_;
  bool replace_;
  int64_t at_ = 0, count_ = 0;
};

// The lines of --symbols-file, and what --symbols names. A space that a line begins with is U+2581: a word with the
// space before it.
inline std::vector<std::string> symbols_of(const Args& args) {
  std::vector<std::string> symbols;
  if (args.given("symbols")) symbols = split_names(args.text("symbols"), "symbols");
  for (const auto& symbol : symbols)
    if (valid_utf8_prefix(symbol) < symbol.size()) throw UsageError("--symbols: invalid UTF-8");
  if (!args.given("symbols-file")) return symbols;
  const auto& path = args.text("symbols-file");
  Input file(path);
  std::string line;
  for (int64_t number = 1; file.read_line(line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    require(valid_utf8_prefix(line) == line.size(), path, ": line ", number, ": invalid UTF-8");
    if (line.starts_with(' ')) line.replace(0, 1, "\u2581");
    require(!line.empty() && line != "\u2581" && line.find_first_of(" \t") == line.npos, path, ": line ", number, ": '",
            line, "' is no word; give one a line");
    symbols.push_back(line);
  }
  return symbols;
}

// --extend: more pieces behind those of a vocabulary.
inline void extend(const Args& args) {
  refuse_flags(args, "--extend",
               {"vocab-size", "type", "max-sentence-length", "character-coverage", "no-byte-fallback", "no-normalize",
                "sample", "verbose", "seed", "uncased", "replace-invalid"});
  if (!args.operands().empty()) throw UsageError("--extend learns from no text; give the pieces with --symbols-file");
  const auto symbols = symbols_of(args);
  if (symbols.empty()) throw UsageError("--extend needs pieces: --symbols-file FILE, or --symbols LIST");
  Output output(args.text("save"));
  refuse_terminal(output);
  const auto before = Vocabulary::load(args.text("extend"));
  const auto larger = before.extended(symbols);
  output.write(larger.bytes());
  output.commit();
  const auto added = static_cast<std::size_t>(larger.size() - before.size());
  if (added < symbols.size()) note(symbols.size() - added, " of ", symbols.size(), " pieces were there: left out");
  note(larger.size(), " pieces (", fingerprint(larger.bytes()), "), ", added, " of them new");
}

inline std::string learn_list(const Args& args, TextLines& lines) {
  const auto& type = args.text("type");
  refuse_flags(args, "--type " + type,
               {"symbols", "symbols-file", "max-sentence-length", "character-coverage", "no-byte-fallback",
                "no-normalize", "sample", "verbose", "seed"});
  if (type == "labels") refuse_flags(args, "--type labels", {"vocab-size"});
  const int64_t most = args.given("vocab-size") ? args.integer("vocab-size", 5, INT32_MAX) : 0;
  const auto learned = learn_list(std::ref(lines), type == "list" ? ListKind::words : ListKind::labels, most);
  if (learned.special > 0)
    note(learned.special, " of ", learned.words, " words are <pad>, <s> or </s>, which name special entries: unknown");
  if (most > 0) note(learned.words_kept, " of ", learned.words, " words of the text are in the list");
  return learned.bytes;
}

inline std::string learn_pieces(const Args& args, TextLines& lines) {
  const auto& type = args.text("type");
  refuse_flags(args, "--type " + type,
               {"max-sentence-length", "no-byte-fallback", "no-normalize", "sample", "verbose", "seed"});
  const bool is_bytes = type == "byte-bpe";
  if (is_bytes) refuse_flags(args, "--type byte-bpe", {"uncased", "character-coverage"});
  if (!args.given("vocab-size")) throw UsageError("--learn needs --vocab-size N");
  LearnPiecesOptions options;
  options.vocab_size = args.integer("vocab-size", 8, 10'000'000);
  options.symbols = symbols_of(args);
  for (auto& symbol : options.symbols)  // BERT's words have no space
    if (constexpr std::string_view mark = "\u2581"; symbol.starts_with(mark))
      symbol.replace(0, mark.size(), is_bytes ? " " : "");
  if (args.given("uncased")) options.uncased = args.choice("uncased", {"yes", "no"}) == "yes";
  if (args.given("character-coverage")) options.character_coverage = args.real("character-coverage", 0.98, 1);
  return is_bytes ? learn_byte_bpe(std::ref(lines), options) : learn_wordpiece(std::ref(lines), options);
}

// left_out: gets how many lines are too long.
inline std::string learn_sentencepiece(const Args& args, TextLines& lines, int64_t& left_out) {
  LearnOptions options;
  if (!args.given("vocab-size")) throw UsageError("--learn needs --vocab-size N");
  options.vocab_size = args.integer("vocab-size", 8, 1'000'000);
  options.type = args.text("type");
  options.character_coverage = args.real("character-coverage", 0.98, 1);
  options.byte_fallback = !args.on("no-byte-fallback");
  options.normalize = !args.on("no-normalize");
  options.sentences = args.integer("sample", 0, INT64_MAX);
  options.symbols = symbols_of(args);
  options.max_line_bytes = args.integer("max-sentence-length", 1, static_cast<int64_t>(kMaxLineBytes));
  options.seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  options.verbose = args.on("verbose");
  auto model = learn_vocabulary(std::ref(lines), options, &left_out);
  if (left_out > 0)
    note(left_out, " of ", lines.count(), " lines are longer than ", options.max_line_bytes,
         " bytes: left out; split them, or raise --max-sentence-length");
  return model;
}

inline void learn(const Args& args) {
  if (args.given("extend")) return extend(args);
  const auto type = args.choice("type", {"bpe", "unigram", "char", "word", "list", "labels", "wordpiece", "byte-bpe"});
  TextLines lines(args);
  Output output(args.text("save"));
  refuse_terminal(output);
  int64_t left_out = 0;
  const bool is_list = type == "list" || type == "labels", is_pieces = type == "wordpiece" || type == "byte-bpe";
  if (!is_pieces) refuse_flags(args, "--type " + type, {"uncased"});
  const auto bytes = is_list     ? learn_list(args, lines)
                     : is_pieces ? learn_pieces(args, lines)
                                 : learn_sentencepiece(args, lines, left_out);
  output.write(bytes);
  output.commit();
  note(Vocabulary::from_bytes(bytes).size(), " pieces (", type, ", ", fingerprint(bytes), ") from ",
       lines.count() - left_out, " lines");
  args.stat("lines", static_cast<double>(lines.count() - left_out));
}

}  // namespace storm
