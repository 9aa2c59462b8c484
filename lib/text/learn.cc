#include "text/learn.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/number.h"
#include "base/random.h"

namespace storm {

namespace {

// SentencePiece asks for lines through this interface.
class Lines final : public sentencepiece::SentenceIterator {
 public:
  explicit Lines(const std::vector<std::string>& lines) : lines_(lines) {}
  bool done() const override { return at_ == lines_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& lines_;
  std::size_t at_ = 0;
};

// Algorithm R (Vitter, "Random sampling with a reservoir", ACM TOMS 1985): each line is kept with the same probability,
// however many there are. The sample is put back into the order of the text, so that a sample of everything is the
// text.
std::vector<std::string> sample(const std::function<bool(std::string&)>& next, const LearnOptions& options,
                                int64_t& too_long) {
  const auto most = options.sentences > 0 ? static_cast<uint64_t>(options.sentences) : UINT64_MAX;
  RandomStream random(options.seed, RandomUse::corpus);  // decode --sample has the other
  std::vector<std::pair<uint64_t, std::string>> kept;
  std::string line;
  for (uint64_t seen = 0; next(line);) {
    const bool fits = line.size() <= static_cast<std::size_t>(options.max_line_bytes);
    too_long += fits ? 0 : 1;
    if (line.empty() || !fits) continue;
    if (kept.size() < most)
      kept.emplace_back(seen, line);
    else if (const auto slot = random.below(seen + 1); slot < most)
      kept[slot] = {seen, line};
    ++seen;
  }
  std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> lines;
  lines.reserve(kept.size());
  for (auto& [at, text] : kept) lines.push_back(std::move(text));
  return lines;
}

// One field of a comma-separated list, as SentencePiece reads user-defined symbols.
std::string quoted(std::string_view symbol) {
  std::string text = "\"";
  for (const char c : symbol) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

// SentencePiece refuses these without a reason, and takes "</s>", which no line could be trained with.
void require_symbols(const LearnOptions& options) {
  const auto& all = options.symbols;
  for (auto it = all.begin(); it != all.end(); ++it) {
    const std::string& s = *it;
    const auto refuse = [&](const char* why) { throw UsageError(str("--symbols: '", s, "' ", why)); };
    if (std::find(all.begin(), it, s) != it) refuse("is there twice");
    for (const char* special : {"<unk>", "<s>", "</s>", "<pad>"})
      if (s == special) refuse("is a special piece of every vocabulary; leave it out");
    const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    if (options.byte_fallback && s.size() == 6 && s.starts_with("<0x") && hexadecimal(s[3]) && hexadecimal(s[4]) &&
        s[5] == '>')
      refuse("is the piece of a byte; leave it out, or give --no-byte-fallback");
  }
}

}  // namespace

std::string learn_vocabulary(const std::function<bool(std::string& line)>& next, const LearnOptions& options,
                             int64_t* too_long) {
  require_symbols(options);
  const auto least = 4 + (options.byte_fallback ? 256 : 0) + static_cast<int64_t>(options.symbols.size());
  if (options.vocab_size <= least)
    throw UsageError(
        str("--vocab-size: a vocabulary of ", options.vocab_size, " has no piece for text; special pieces, ",
            options.byte_fallback ? "bytes (--no-byte-fallback leaves them out) " : "", "and symbols take ", least));
  int64_t left_out = 0;
  const auto lines = sample(next, options, left_out);
  if (too_long) *too_long = left_out;
  require(!lines.empty(), left_out > 0 ? str("every line is longer than ", options.max_line_bytes,
                                             " bytes; split them, or raise --max-sentence-length")
                                       : std::string("no text to learn a vocabulary from"));
  const auto flag = [](bool on) { return on ? "true" : "false"; };
  std::unordered_map<std::string, std::string> spec{
      {"vocab_size", str(options.vocab_size)},
      {"model_type", options.type},
      {"character_coverage", fixed(options.character_coverage, 8)},
      {"byte_fallback", flag(options.byte_fallback)},
      {"max_sentence_length", str(options.max_line_bytes)},
      {"pad_id", "0"},
      {"unk_id", "1"},
      {"bos_id", "2"},
      {"eos_id", "3"},
      {"minloglevel", options.verbose ? "0" : "3"},
  };
  if (!options.normalize) {
    spec["normalization_rule_name"] = "identity";
    spec["remove_extra_whitespaces"] = "false";
  }
  std::string symbols;
  for (const auto& symbol : options.symbols) symbols += (symbols.empty() ? "" : ",") + quoted(symbol);
  if (!symbols.empty()) spec["user_defined_symbols"] = symbols;

  Lines iterator(lines);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(spec, &iterator, &model);
  // What stands before "] " is a place in SentencePiece's source.
  const std::string why = status.ToString();
  const auto place = why.find("] ");
  require(status.ok(),
          "cannot learn a vocabulary: ", place == why.npos || place + 2 == why.size() ? why : why.substr(place + 2));
  return model;
}

}  // namespace storm
