// The kind "tokens": ragged columns of token ids with the vocabularies they were made with, and columns of numbers.
// What tokenize and decode write, and what decode, train and tokenize -d read. Names, shapes and keys:
// lib/stream/README.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/byte_range.h"
#include "stream/document.h"
#include "stream/stream.h"

namespace storm {

constexpr const char* kTokensKind = "tokens";
constexpr const char* kColumnsKey = "storm.columns";
// The column whose rows are stretches of their lines: their text is what the line has there, not what the ids spell.
constexpr const char* kSpansKey = "storm.spans";
constexpr int64_t kDocumentBytes = int64_t{1} << 24;  // of lines, where they go along: as kDocumentTokens
constexpr int64_t kDocumentTokens = 65536;            // a document ends here, or when the writer's input would block

// One column of a document: sentence i is ids[offsets[i] .. offsets[i + 1]), or, in a column of numbers, which has
// neither ids nor offsets, values[i].
struct TokenColumn {
  std::string name;
  std::span<const int32_t> ids;      // [tokens], without BOS and EOS
  std::span<const int64_t> offsets;  // [sentences + 1], the first is 0, the last is ids.size()
  std::span<const float> values{};   // [sentences], finite
  // Where the pieces stand in their lines, or empty: piece t is bytes [begins[t], ends[t]) of its sentence's line.
  std::span<const int32_t> begins{}, ends{};  // [tokens]
  std::span<const char> text{};               // the lines, one after another
  std::span<const int64_t> text_offsets{};    // [sentences + 1], as offsets, in bytes

  bool is_number() const { return offsets.empty(); }
  int64_t size() const { return static_cast<int64_t>(is_number() ? values.size() : offsets.size() - 1); }
  std::span<const int32_t> operator[](int64_t i) const { return of(ids, i); }
  bool has_ranges() const { return !text_offsets.empty(); }
  std::span<const int32_t> begins_of(int64_t i) const { return of(begins, i); }
  std::span<const int32_t> ends_of(int64_t i) const { return of(ends, i); }
  std::string_view line(int64_t i) const {  // of a column that has ranges
    const auto begin = static_cast<std::size_t>(text_offsets[static_cast<std::size_t>(i)]),
               end = static_cast<std::size_t>(text_offsets[static_cast<std::size_t>(i) + 1]);
    return {text.data() + begin, end - begin};
  }

 private:
  std::span<const int32_t> of(std::span<const int32_t> tokens, int64_t i) const {
    const auto k = static_cast<std::size_t>(i);
    return tokens.subspan(static_cast<std::size_t>(offsets[k]), static_cast<std::size_t>(offsets[k + 1] - offsets[k]));
  }
};

// One document's rows, checked. It keeps the bytes alive.
struct TokenBatch {
  std::vector<TokenColumn> columns;
  std::span<const float> scores;   // [rows] or empty: log-probability or length-normalised score of each row
  std::span<const int32_t> ranks;  // [rows] or empty: 0 is the best hypothesis of its sentence
  std::span<const int64_t>
      sentences;                 // [rows] or empty: which input sentence a row answers, as the stream numbers them
  int64_t sentences_before = 0;  // of what was read before the stream that this document belongs to, or before it
  Document document;

  int64_t size() const { return columns.empty() ? 0 : columns[0].size(); }
  // Which input sentence a row answers, counted through all that was read.
  int64_t sentence(int64_t row) const {
    return sentences_before + (sentences.empty() ? row : sentences[static_cast<std::size_t>(row)]);
  }
  // A column of ids; throws Error when there is none of this name, or it holds numbers.
  const TokenColumn& column(std::string_view name) const { return any_column(name, false); }
  // [rows] The numbers of a column; throws Error when there is none of this name, or it holds ids.
  std::span<const float> values(std::string_view name) const { return any_column(name, true).values; }

 private:
  const TokenColumn& any_column(std::string_view name, bool number) const;
};

// What a token stream's first document says about all of it.
struct TokenInfo {
  std::vector<std::string> columns;             // "src", or "src" and "tgt", or what --columns says
  std::map<std::string, std::string> metadata;  // all of it; a writer adds kind, version and columns itself
  std::map<std::string, std::string>
      vocabularies;  // "vocab" (shared) or "vocab.src", ...: their bytes, of whatever kind they are
  std::set<std::string, std::less<>> numbers = {};  // those of the columns that hold numbers

  bool has(std::string_view column) const;
  const std::string* vocabulary(
      std::string_view column) const;  // its own or the shared one; nullptr when there is none, and for numbers
};

// The vocabularies in any document: tensors "vocab" and "vocab.NAME", U8. A model file's serve as well as a stream's.
std::map<std::string, std::string> vocabularies_of(const Document& document);

// 16 hexadecimal digits that tell vocabularies apart in messages (FNV-1a, 64 bits, of their bytes).
std::string fingerprint(std::string_view bytes);
// Throws Error "model.st: vocabulary differs from the input's (a3f1… ≠ 77c0…); tokenize with -m model.st".
void require_same_vocabulary(std::string_view model_name, std::string_view model_vocabulary,
                             std::string_view input_vocabulary);

// Numbers sentences through streams that were laid end to end, each of which numbers its own from 0.
class SentenceNumbers {
 public:
  explicit SentenceNumbers(int64_t first = 0) : count_(first) {}
  // What is to be added to the numbers of a document's rows: those in its tensor `sentences`, or, where these are
  // empty, the rows' own. Documents come in the stream's order. Throws Error for numbers that are negative or too
  // large.
  int64_t before(const Document& document, std::span<const int64_t> sentences, int64_t rows);
  int64_t count() const { return count_; }  // the number of the sentence that comes next

 private:
  int64_t before_ = 0, count_;
};

// The columns of one document of a token stream, checked: offsets from 0 up to the ids' count, never falling, as many
// rows in each column, ids not negative and below limit[i] (0: any) of column i, finite values in those of numbers.
TokenBatch token_batch(Document document, const std::vector<std::string>& columns, std::span<const int64_t> limits = {},
                       const std::set<std::string, std::less<>>& numbers = {});

// Reads a token stream; the first document is read at once, so that info() is known before any row is wanted. Streams
// laid end to end (cat a.st b.st) are one stream when columns and vocabularies agree, and an Error when they do not.
class TokenReader {
 public:
  explicit TokenReader(StreamReader stream);
  explicit TokenReader(const std::string& path) : TokenReader(StreamReader(path)) {}

  const TokenInfo& info() const { return info_; }
  const std::string& name() const { return stream_.name(); }
  // Ids of this column must be below size from now on (the vocabulary's size), else Error.
  void limit(std::string_view column, int64_t size);
  std::optional<TokenBatch> next();  // nullopt at the end; a batch may have no rows
  bool would_block() { return !first_ && stream_.would_block(); }
  // Sentences that the rows so far answer, and those before this stream, which number_from() may have said first.
  int64_t sentences() const { return numbers_.count(); }
  void number_from(int64_t sentences) { numbers_ = SentenceNumbers(sentences); }

 private:
  StreamReader stream_;
  TokenInfo info_;
  SentenceNumbers numbers_;
  std::vector<int64_t> limits_;
  std::optional<Document> first_;  // read for info(), not yet handed out
};

// The first document's TokenInfo; throws Error when it is no token stream.
TokenInfo token_info(const Document& first);
// Checks that a later document of the stream agrees with what the first one said; most say nothing.
void require_agreement(const Document& later, const TokenInfo& info);

// Writes a token stream. A document is written when it holds kDocumentTokens, by flush(), and by finish(), which writes
// a document without rows when there was none, so that every stream says what it is.
class TokenWriter {
 public:
  TokenWriter(Output& output, TokenInfo info);
  ~TokenWriter();  // without finish(), the stream ends inside a document, so that its reader fails as the writer did
  TokenWriter(const TokenWriter&) = delete;
  TokenWriter& operator=(const TokenWriter&) = delete;

  // The line that a column of ids was made of, and which of its bytes each id stands for.
  struct Line {
    std::string_view text;
    std::span<const ByteRange> ranges;  // [ids]
  };
  // What a row of decode's output has beside its columns. All rows of a stream have the same extras; sentence and rank
  // come together (n-best).
  struct Extras {
    std::optional<float> score;
    std::optional<int32_t> rank;
    std::optional<int64_t> sentence;
  };
  // One row, in the order of info.columns: the ids of each column of ids, the number of each of info.numbers, and, in
  // all rows or in none, the lines of the columns of ids. Throws Error for a number that is not finite.
  void add(std::span<const std::span<const int32_t>> row, std::span<const float> numbers = {},
           std::span<const Line> lines = {}, const Extras& extras = {});
  // For a stream of one column.
  void add(std::span<const int32_t> ids, const Extras& extras = {}) { add(std::span(&ids, 1), {}, {}, extras); }

  void flush();   // ends the document and hands it to the reader of our pipe
  void finish();  // call once, last; then commit the output
  int64_t rows() const { return rows_; }

 private:
  void write();

  Output& output_;
  TokenInfo info_;
  struct Column {
    bool is_number = false;
    std::vector<int32_t> ids;
    std::vector<int64_t> offsets{0};
    std::vector<float> values;
    std::vector<int32_t> begins, ends;
    std::string text;
    std::vector<int64_t> text_offsets{0};
  };
  std::vector<Column> columns_;
  std::vector<float> scores_;
  std::vector<int32_t> ranks_;
  std::vector<int64_t> sentences_;
  int64_t rows_ = 0;                                    // of the stream
  int64_t document_rows_ = 0, tokens_ = 0, bytes_ = 0;  // of the document being filled; bytes of lines
  bool first_ = true, finished_ = false;
};

}  // namespace storm
