// Writes what WordVectors reads: an embeddings stream with a row for each word, in the order in which they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/embeddings.h"
#include "vectors/subwords.h"
#include "text/word_index.h"

namespace storm {

// Where a row stands in the file that it is read from, for errors: "line 7", "byte 1024".
struct RowPlace {
  const char* unit = "line";
  uint64_t number = 0;
};

// The metadata of a stream of a table: a row for each "word", or for each "piece" of a vocabulary.
std::map<std::string, std::string> table_metadata(const std::string& command, const std::string& level,
                                                  const Subwords& n_grams);

// Memory: a document of the stream and the set of words.
class WordVectorsWriter {
 public:
  static constexpr int64_t kMostNumbers = 1 << 20;  // of a vector

  // source: the file's name, for errors; command: the command line, for the metadata. n_grams: what add_subwords gives
  // vectors of; with no buckets, there are none. Throws Error for a width outside of [1, kMostNumbers].
  WordVectorsWriter(Output& output, std::string source, const std::string& command, int64_t width,
                    const Subwords& n_grams = {});

  // The next word. One that came before is left out, and a warning says where it stands. Throws Error that says the
  // place for a word that is empty or not UTF-8, for NaN and infinities, and for more rows than WordVectors takes.
  void add(std::string_view word, std::span<const float> vector, RowPlace place);
  // F32 [buckets, width], finite, at any address; the bytes must stay where they are until finish().
  void add_subwords(std::vector<int32_t> buckets, std::span<const std::byte> vectors);
  // Ends the stream. Throws Error where no word came.
  void finish();

  int64_t rows() const { return writer_.rows(); }
  int64_t width() const { return width_; }
  const std::string& source() const { return source_; }

 private:
  std::string source_;
  int64_t width_;
  EmbeddingsWriter writer_;
  WordIndex words_;
  std::vector<std::string> text_ = std::vector<std::string>(1);  // of the row that is being added
  std::vector<int32_t> buckets_;
  int64_t left_out_ = 0;
};

}  // namespace storm
