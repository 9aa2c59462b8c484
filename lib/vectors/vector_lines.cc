#include "vectors/vector_lines.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/parse_float.h"
#include "text/shown_word.h"
#include "vectors/vector_format.h"

namespace storm {

namespace {

// Takes the last field off, with the space before it; none where there is no space left.
std::optional<std::string_view> take_last(std::string_view& row) {
  const auto space = row.rfind(' ');
  if (space == row.npos) return {};
  const auto field = row.substr(space + 1);
  row.remove_suffix(field.size() + 1);
  return field;
}

// What is wrong with the row; empty: nothing.
std::string read_row(std::string_view line, std::span<float> vector, std::string_view& word) {
  word = row_of_line(line);
  const auto width = vector.size();
  for (std::size_t i = width; i-- > 0;) {
    const auto field = take_last(word);
    const auto value = field ? parse_float(*field) : std::nullopt;
    if (value) {
      vector[i] = *value;
      continue;
    }
    // All of a row that is too short are numbers, but for its word.
    if (!field || word.find(' ') == word.npos) return str("a row of ", width - 1 - i, " numbers, not of ", width);
    return str(shown_word(*field), " is no number that fits a float");
  }
  auto rest = word;
  if (const auto more = take_last(rest); more && parse_float(*more))
    return str("a row of more than ", width, " numbers: ", shown_word(word), " before them ends in one, too");
  return {};
}

}  // namespace

std::string_view row_of_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.ends_with(' ')) line.remove_suffix(1);
  return line;
}

void read_vector_lines(const MappedFile& file, std::size_t begin, uint64_t line, int64_t rows, WordVectorsWriter& to) {
  constexpr std::size_t kForget = std::size_t{64} << 20;  // read pages of a file that need not stay in memory
  const auto text = text_of(file);
  std::vector<float> vector(static_cast<std::size_t>(to.width()));
  std::string_view word;
  int64_t read = 0;
  for (std::size_t at = begin, forgotten = begin; at < text.size(); ++line, ++read) {
    require(rows < 0 || read < rows, file.name(), ": line ", line, ": a row more than the ", rows,
            " that the first line says");
    const auto end = std::min(text.find('\n', at), text.size());
    const auto wrong = read_row(text.substr(at, end - at), vector, word);
    require(wrong.empty(), file.name(), ": line ", line, ": ", wrong);
    to.add(word, vector, {"line", line});
    at = end + 1;
    if (at - forgotten > kForget) {
      file.forget();
      forgotten = at;
    }
  }
  require(rows < 0 || read == rows, file.name(), ": line ", line, ": the file ends after ", read,
          " rows, and its first line says ", rows);
}

}  // namespace storm
