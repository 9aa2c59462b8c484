#include "vectors/initial_rows.h"

#include <string>

#include "base/error.h"

namespace storm {

namespace {

constexpr std::string_view kMark = "\u2581";

// The word that the entry is by itself; empty: none.
std::string word_of(const Vocabulary& vocabulary, int32_t id) {
  const auto marked = vocabulary.marked_piece(id);
  return marked.starts_with(kMark) ? marked.substr(kMark.size()) : std::string();
}

// Whether more of the entries that begin a word are found without the mark.
bool are_words(const WordVectors& vectors, const Vocabulary& vocabulary) {
  int64_t names = 0, words = 0;
  for (int32_t id = 0; id < vocabulary.size(); ++id)
    if (const auto word = word_of(vocabulary, id); !word.empty()) {
      names += vectors.row_of(vocabulary.piece(id)) >= 0;
      words += vectors.row_of(word) >= 0;
    }
  return words > names;
}

}  // namespace

InitialRows begin_rows(const WordVectors& vectors, const Vocabulary& vocabulary, std::span<float> table) {
  const auto width = static_cast<std::size_t>(vectors.width());
  require(table.size() == width * static_cast<std::size_t>(vocabulary.size()), vectors.name(), ": vectors of ", width,
          " numbers for a table of ", table.size(), " with ", vocabulary.size(), " rows");
  InitialRows found;
  found.as_words = are_words(vectors, vocabulary);
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const auto name = found.as_words ? word_of(vocabulary, id) : vocabulary.piece(id);
    if (name.empty()) continue;
    const auto row = table.subspan(static_cast<std::size_t>(id) * width, width);
    const bool is_text = id != vocabulary.unk_id() && !vocabulary.decode(std::span(&id, 1)).empty();
    if (const auto at = vectors.row_of(name); at >= 0) {
      vectors.read(at, row);
      ++found.rows;
    } else if (is_text && vectors.read_word(name, row)) {
      ++found.composed;
    }
  }
  return found;
}

}  // namespace storm
