// Sentences in the columns of CoNLL's shared tasks: a word a line, its tag (or gold tag and predicted tag) last,
// columns apart by a TAB, or where a line has none by spaces; a blank line, which may hold white space, ends a
// sentence. So does a line that begins with -DOCSTART-, with columns of its own or without; it is no word.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/entities.h"
#include "metrics/segment_files.h"

namespace storm {

constexpr std::string_view kDocumentStart = "-DOCSTART-";

struct TaggedSentence {
  int64_t line = 0;                          // where it begins
  std::string words;                         // the first column, each with a line feed behind it; empty: there is none
  std::array<std::vector<int32_t>, 2> tags;  // the last column's, and of two the last but one's
};

class TagColumns {
 public:
  // tags: how many of a line's last columns are tags, 1 or 2.
  TagColumns(const std::string& path, std::size_t tags) : file_(path, 1), tags_(tags) {}

  // False at the end. Error, with file and line, for a line of another number of columns than those before it, and for
  // a tag that is none of the table's scheme.
  bool next(TagTable& table, TaggedSentence& sentence);
  const std::string& name() const { return file_.name(); }

 private:
  void split(std::string_view line);

  SegmentFile file_;
  std::size_t tags_, columns_ = 0;
  std::vector<std::string_view> fields_;
};

// The tag's number; what the table says against it is said of `where`, a function.
template <class Where>
int32_t tag_id(TagTable& table, std::string_view tag, Where where) {
  try {
    return table.id(tag);
  } catch (const Error& error) {
    fail(where(), ": ", error.what());
  }
}

}  // namespace storm
