// GloVe's text (https://github.com/stanfordnlp/GloVe, save_params in glove.c): rows alone; the first one says how wide
// they are.
#include <algorithm>

#include "base/error.h"
#include "base/parse_float.h"
#include "vectors/vector_format.h"
#include "vectors/vector_lines.h"

namespace storm {

namespace {

std::string_view first_row(std::string_view bytes) { return row_of_line(bytes.substr(0, bytes.find('\n'))); }

bool recognised(std::string_view bytes) {
  const auto row = first_row(bytes);
  const auto space = row.rfind(' ');
  return space != row.npos && parse_float(row.substr(space + 1));
}

void read(const MappedFile& file, const BeginVectors& begin) {
  const auto row = first_row(text_of(file));
  read_vector_lines(file, 0, 1, -1, begin(std::ranges::count(row, ' '), {}));
}

}  // namespace

const VectorFormat kGloveText{"GloVe's text", recognised, read};

}  // namespace storm
