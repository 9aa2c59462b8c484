#include "vectors/word_vectors_writer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "stream/document.h"
#include "stream/tokens.h"
#include "text/shown_word.h"
#include "text/utf8.h"

namespace storm {

namespace {

constexpr int64_t kWarnings = 5;  // of words that come twice, one by one

int64_t checked_width(const std::string& source, int64_t width) {
  require(width >= 1 && width <= WordVectorsWriter::kMostNumbers, source, ": vectors of ", width,
          " numbers; between 1 and ", WordVectorsWriter::kMostNumbers, " are read");
  return width;
}

}  // namespace

std::map<std::string, std::string> table_metadata(const std::string& command, const std::string& level,
                                                  const Subwords& n_grams) {
  std::map<std::string, std::string> metadata{{kCommandKey, command},
                                              {"embeddings.layer", "static"},
                                              {"embeddings.level", level},
                                              {"embeddings.pool", "none"},
                                              {"embeddings.normalize", "false"}};
  if (n_grams.buckets > 0) metadata[kSubwordsKey] = str(n_grams.least, ',', n_grams.most, ',', n_grams.buckets);
  return metadata;
}

WordVectorsWriter::WordVectorsWriter(Output& output, std::string source, const std::string& command, int64_t width,
                                     const Subwords& n_grams)
    : source_(std::move(source)),
      width_(checked_width(source_, width)),
      writer_(output, table_metadata(command, "word", n_grams), width, DType::F32) {}

void WordVectorsWriter::add(std::string_view word, std::span<const float> vector, RowPlace place) {
  const auto refuse = [&](const auto&... why) { fail(source_, ": ", place.unit, ' ', place.number, ": ", why...); };
  if (word.empty()) refuse("a vector without a word");
  if (valid_utf8_prefix(word) < word.size())
    refuse("the word ", shown_word(word), " is not UTF-8; convert the file (iconv -t utf-8), or leave the word out");
  if (!std::ranges::all_of(vector, [](float x) { return std::isfinite(x); }))
    refuse("the vector of ", shown_word(word), " holds NaN or an infinity");
  if (rows() == INT32_MAX) refuse("more than ", INT32_MAX, " words");
  if (words_.add(word) < rows()) {
    if (++left_out_ <= kWarnings)
      warn(source_, ": ", place.unit, ' ', place.number, ": ", shown_word(word),
           " comes for the second time; this row is left out");
    return;
  }
  text_[0] = word;
  writer_.add(vector, text_);
}

void WordVectorsWriter::add_subwords(std::vector<int32_t> buckets, std::span<const std::byte> vectors) {
  buckets_ = std::move(buckets);
  writer_.add_subwords(buckets_, vectors);
}

void WordVectorsWriter::finish() {
  require(rows() > 0, source_, ": holds no words");
  if (left_out_ > kWarnings)
    warn(source_, ": ", left_out_ - kWarnings, " more rows are left out, of words that came before");
  writer_.finish();
}

}  // namespace storm
