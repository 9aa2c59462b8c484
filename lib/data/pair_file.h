// A token stream as a file to be read in any order: its documents are found once, its tokens stay on disk. What is
// kept in memory is some 40 bytes a document (of 64k tokens), nothing a sentence, and pages that were read are given
// back.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "stream/tokens.h"

namespace storm {

// Sentence pairs copied out of the file. Source of pair i: ids[offsets[2i] .. offsets[2i + 1]), then its target.
struct Pairs {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets{0};

  int64_t size() const { return static_cast<int64_t>(offsets.size()) / 2; }
  std::span<const int32_t> source(int64_t i) const { return part(2 * i); }
  std::span<const int32_t> target(int64_t i) const { return part(2 * i + 1); }
  void clear() {
    ids.clear();
    offsets.resize(1);
  }

 private:
  std::span<const int32_t> part(int64_t k) const {
    const auto i = static_cast<std::size_t>(k);
    return std::span(ids).subspan(static_cast<std::size_t>(offsets[i]),
                                  static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
  }
};

class PairFile {
 public:
  // path: a file; a pipe, or "-" for standard input, is first copied to a temporary file without a name (in $TMPDIR).
  // Throws Error when it is no token stream with the columns src and tgt.
  explicit PairFile(const std::string& path);

  const TokenInfo& info() const { return info_; }
  const std::string& name() const { return file_.name(); }

  // Reads through the whole file, checks it (see token_batch) against the sizes of the vocabularies, and finds the
  // rows. Call it once, before what follows.
  void index(int64_t source_vocabulary, int64_t target_vocabulary);

  int64_t size() const { return rows_; }
  struct Lengths {
    int64_t source = 0, target = 0;  // tokens, without EOS
  };
  Lengths lengths(int64_t row) const;
  void append(int64_t row, Pairs& pairs) const;

  Lengths tokens() const { return tokens_; }  // of all rows
  // Of all ids in their order: other data have another one, the same rows in other documents have the same.
  uint64_t fingerprint() const { return fingerprint_; }
  Lengths longest() const { return longest_; }  // each side's longest row
  // How many rows have so many tokens, without EOS, on their longer side.
  const std::map<int64_t, int64_t>& by_length() const { return by_length_; }

 private:
  struct Part {  // a document with rows: where it begins among the rows, and where its four arrays lie in the file
    int64_t first_row;
    uint64_t source_ids, source_offsets, target_ids, target_offsets;
  };
  struct Row;
  Row find(int64_t row) const;
  void add(const TokenBatch& batch);
  void touched() const;

  MappedFile file_;
  TokenInfo info_;
  std::vector<Part> parts_;
  int64_t rows_ = 0;
  Lengths tokens_, longest_;
  uint64_t fingerprint_ = 0;
  std::map<int64_t, int64_t> by_length_;
  mutable int64_t touched_ = 0;  // reads since pages were last given back
};

}  // namespace storm
