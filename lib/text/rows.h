// Lines of text to rows of token ids and numbers and back, on all cores, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/tokens.h"
#include "text/bpe_dropout.h"
#include "text/line_encoder.h"
#include "text/lines.h"
#include "text/vocabulary.h"

namespace storm {

// What becomes of a row that is empty in some column, or longer than max_length in one.
enum class RowRule { keep, drop, cut, refuse };

struct EncodeOptions {
  std::vector<std::string> columns;                     // several: the line has as many fields, separated by TABs
  std::vector<std::optional<Vocabulary>> vocabularies;  // of each column; none: its fields are numbers
  int64_t max_length = 0;                               // tokens, without EOS; 0: no limit
  RowRule too_long = RowRule::keep;
  RowRule empty = RowRule::keep;     // cut has no meaning here
  RowRule uneven = RowRule::refuse;  // a line with another count of columns: refuse or drop
  bool replace_invalid = false;      // U+FFFD for each byte that is not valid UTF-8, instead of an Error
  double bpe_dropout = 0;            // see text/bpe_dropout.h
  uint64_t seed = 1;                 // of that
  bool offsets = false;              // rows say where their pieces stand, and hold the line
  enum class Form { rows, ids, pieces } form = Form::rows;  // rows for a stream, or lines of text as spm_encode prints
};

struct RowCounts {
  int64_t lines = 0, tokens = 0;                             // tokens of the rows that were kept, all columns
  int64_t empty = 0, too_long = 0, invalid = 0, uneven = 0;  // lines that were found so, whatever became of them
  int64_t dropped = 0;
  RowCounts& operator+=(const RowCounts& other);
};

// Encodes blocks of lines. Throws Error that names the line for invalid UTF-8, for what is no label of a list or no
// number, and for what the rules refuse; of several such lines it is the first.
class RowEncoder {
 public:
  explicit RowEncoder(EncodeOptions options);

  void write(const LineBlock& block, TokenWriter& writer);  // form rows
  void write(const LineBlock& block, Output& output);       // the other forms
  const RowCounts& counts() const { return counts_; }
  const EncodeOptions& options() const { return options_; }

 private:
  struct Chunk {  // the outcome of some consecutive lines
    std::vector<int32_t> ids;
    std::vector<std::size_t> ends;  // of each column of ids of each row that is kept, in ids
    std::vector<float> values;      // of each column of numbers of each row that is kept
    std::vector<ByteRange> ranges;  // with options.offsets, as ids
    std::string lines;              // with options.offsets, those of each column of ids of each row that is kept
    std::vector<std::size_t> line_ends;
    std::string text;
    RowCounts counts;
    std::string error;  // of the first line that has one
  };
  void encode(const LineBlock& block);
  using Encoders = std::vector<std::optional<LineEncoder>>;  // [columns]
  void encode_line(const LineBlock& block, int64_t line, Encoders& encoders, Chunk& chunk) const;

  EncodeOptions options_;
  std::vector<Encoders> encoders_;                   // [threads]
  std::vector<std::optional<BpeDropout>> dropouts_;  // [columns], or none
  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;
  RowCounts counts_;
};

// The text of rows [0, batch.size()), one line each: the columns' texts (of numbers the shortest that reads back as the
// same float; their vocabularies are not looked at) separated by TABs, and where the rows have scores (decode's
// output), "i ||| text ||| score" with the sentence's number i. Line ends inside a row's text (byte pieces may spell
// one) become spaces: a row is a line. spans: the column whose text is what its lines have where its pieces stand
// (kSpansKey); empty: none is.
void write_text(const TokenBatch& batch, std::span<const std::optional<Vocabulary>> vocabularies,
                std::string_view spans, Output& output);

}  // namespace storm
