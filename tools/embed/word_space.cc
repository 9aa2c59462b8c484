// A stream of word vectors: a table, of which plain text is asked.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "stream/stream.h"
#include "text/lines.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "tools/embed/modes.h"
#include "tools/embed/space.h"
#include "vectors/caseless_rows.h"
#include "vectors/vocabulary_words.h"
#include "vectors/word_vectors.h"

namespace storm {
namespace {

// Word vectors that were learned from pieces carry the vocabulary that words are cut with.
std::optional<Vocabulary> vocabulary_of(const WordVectors& vectors) {
  const auto& document = vectors.file().batches.front().document;
  if (!document.find("vocab")) return {};
  const auto bytes = document.values<char>("vocab", {-1});
  return Vocabulary::from_bytes(std::string(bytes.begin(), bytes.end()), vectors.name());
}

class WordSpace : public Space {
 public:
  WordSpace(const Args& args, EmbedFlags flags) : args_(args), flags_(std::move(flags)), vectors_(args.text("model")) {
    for (const char* flag : {"layer", "mix", "word-pool", "max-tokens", "device"})
      if (args.given(flag))
        throw UsageError(str("--", flag, " has no meaning with word vectors: ", vectors_.name(),
                             " holds a row for each word, and no network whose layers a text could pass"));
    const auto& pool = flags_.pool_name;
    if (flags_.options.level == Level::line && pool != "mean" && pool != "max")
      throw UsageError(str("--pool ", pool, " has no meaning with word vectors, which know mean and max"));
    if (args.given("level") && args.text("level") == "piece")
      throw UsageError("--level piece has no meaning with word vectors, whose rows are words");
    if (flags_.options.level != Level::line) flags_.options.level = Level::word;
    if (const auto vocabulary = vocabulary_of(vectors_)) {
      pieces_ = vectors_.all();
      for (int64_t row = 0; row < vectors_.size(); ++row) {
        ids_.push_back(vocabulary->id_of(vectors_.word(row)));
        require(ids_.back() >= 0, vectors_.name(), ": row ", row + 1, ": '", field(vectors_.word(row)),
                "' is no piece of the vocabulary that it carries");
      }
      by_pieces_.emplace(vectors_.name(), *vocabulary, ids_, pieces_, vectors_.width());
    }
  }

  const std::string& name() const override { return vectors_.name(); }
  int64_t width() const override { return vectors_.width(); }
  const EmbedFlags& flags() const override { return flags_; }

  std::map<std::string, std::string> metadata() const override {
    return {{"embeddings.layer", "static"},
            {"embeddings.level", flags_.options.level == Level::line ? "line" : "word"},
            {"embeddings.pool", flags_.options.level == Level::line ? flags_.pool_name : "none"},
            {"embeddings.normalize", flags_.options.normalize ? "true" : "false"}};
  }

  void each_batch(const Each& each, const std::function<void()>& flush) override {
    LineReader reader({"-"});
    LineBlock block;
    int64_t lines = 0;
    while (reader.next(block, true)) {
      TextVectors vectors;
      vectors.width = width();
      for (int64_t i = 0; i < block.size(); ++i) add(block[i], str("line ", lines + i + 1), vectors);
      each(vectors, lines);
      lines += block.size();
      flush();
    }
    args_.stat("lines", static_cast<double>(lines));
  }

  Spelling spelling(const std::string& word) override {
    if (caseless().row_of(word) >= 0) return Spelling::row;
    if (words().row_of(word) >= 0) return Spelling::unknown;  // a row beyond the most frequent ones
    std::vector<float> scratch(static_cast<std::size_t>(width()));
    return words().read_word(word, scratch) ? Spelling::parts : Spelling::unknown;
  }

  TextVectors vectors_of(std::span<const std::string> asked, const std::function<std::string(std::size_t)>&) override {
    TextVectors vectors;
    vectors.width = width();
    for (const auto& word : asked) {
      vectors.vectors.resize(vectors.vectors.size() + static_cast<std::size_t>(width()));
      const auto to = std::span(vectors.vectors).last(static_cast<std::size_t>(width()));
      if (const auto row = caseless().row_of(word); row >= 0)
        words().read(row, to);
      else
        words().read_word(word, to);
      vectors.texts.push_back(word);
      vectors.offsets.push_back(vectors.texts.size());
    }
    return vectors;
  }
  const char* row_name() const override { return "in the table"; }

  std::vector<VectorBlock> rows() override { return vectors_.blocks(); }
  std::string row_text(int64_t row) const override { return std::string(vectors_.word(row)); }

  std::vector<int64_t> own_rows(const std::string& line) const override {
    std::vector<int64_t> rows;
    for (const auto& word : asked_of(line))
      for (const auto& text : {word, (by_pieces_ ? "\u2581" : "") + word})
        if (const auto row = vectors_.row_of(text); row >= 0) rows.push_back(row);
    return rows;
  }

  const WordTable& words() override { return by_pieces_ ? static_cast<const WordTable&>(*by_pieces_) : vectors_; }

  std::vector<float> table() const override { return vectors_.all(); }
  int64_t table_width() const override { return width(); }

 private:
  // A line that is a row itself, as words with spaces in them are, is one word.
  std::vector<std::string> asked_of(std::string_view line) const {
    if (vectors_.row_of(line) >= 0) return {std::string(line)};
    return split_at_space(line);
  }

  void add(std::string_view line, const std::string& where, TextVectors& out) {
    require(valid_utf8_prefix(line) == line.size(), where, ": not valid UTF-8");
    const auto asked = asked_of(line);
    const auto w = static_cast<std::size_t>(width());
    std::vector<float> rows(asked.size() * w);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto to = std::span(rows).subspan(i * w, w);
      if (!words().read_word(asked[i], to))
        fail(where, ": '", field(asked[i]), "' has no row in ", name(), unknown_because());
      require(std::ranges::all_of(to, [](float x) { return std::isfinite(x); }), where, ", '", field(asked[i]),
              "': its vector holds NaN or an infinity");
    }
    std::vector<std::string> texts = asked;
    if (flags_.options.level == Level::line) {
      texts = {std::string(line)};
      std::vector<float> pooled(w);
      if (!asked.empty()) pool(rows, flags_.options.pool, pooled);
      rows = std::move(pooled);
    }
    for (std::size_t i = 0; i < texts.size() && flags_.options.normalize && !asked.empty(); ++i)
      require(normalize(std::span(rows).subspan(i * w, w)) > 0, where, ", '", field(texts[i]),
              "': its vector is zero and cannot be normalised");
    out.vectors.insert(out.vectors.end(), rows.begin(), rows.end());
    out.texts.insert(out.texts.end(), texts.begin(), texts.end());
    out.offsets.push_back(out.texts.size());
  }

  std::string unknown_because() const {
    return by_pieces_                         ? ", nor have all of its pieces"
           : vectors_.subwords().buckets == 0 ? ", which has no n-grams that could stand in for it"
                                              : ", nor have any of its n-grams";
  }

  const CaselessRows& caseless() {
    if (!caseless_) caseless_.emplace(words(), flags_.most_frequent, fold_case);
    return *caseless_;
  }

  Args args_;
  EmbedFlags flags_;
  WordVectors vectors_;
  std::vector<int32_t> ids_;
  std::vector<float> pieces_;
  std::optional<VocabularyWords> by_pieces_;
  std::optional<CaselessRows> caseless_;
};

}  // namespace

bool is_word_vectors(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  try {
    const auto document = MappedStream(path).next();
    return document && document->kind() == kEmbeddingsKind;
  } catch (const Error&) {
    return false;  // what it is instead is for the reader of models to say
  }
}

std::unique_ptr<Space> word_space(const Args& args, const EmbedFlags& flags) {
  return std::make_unique<WordSpace>(args, flags);
}

}  // namespace storm
