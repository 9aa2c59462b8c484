// word2vec's binary files (https://github.com/tmikolov/word2vec, the end of TrainModel in word2vec.c): a line with the
// sizes, then of each row the word, a space and its floats, as they are in memory. The original puts a newline behind
// each row, gensim none.
#include <cstring>
#include <vector>

#include "base/error.h"
#include "vectors/vector_format.h"
#include "vectors/word2vec_header.h"

namespace storm {

namespace {

bool recognised(std::string_view bytes) {
  const auto header = word2vec_header(bytes);
  return header && is_word2vec_binary(bytes, *header);
}

void read(const MappedFile& file, const BeginVectors& begin) {
  constexpr std::size_t kForget = std::size_t{64} << 20;  // read pages of a file that need not stay in memory
  const auto bytes = text_of(file);
  const auto header = *word2vec_header(bytes);
  auto& to = begin(header.width, {});
  std::vector<float> vector(static_cast<std::size_t>(header.width));
  const auto size = vector.size() * sizeof(float);
  const auto refuse = [&](std::size_t at, const auto&... why) { fail(file.name(), ": byte ", at, ": ", why...); };
  std::size_t at = header.bytes, forgotten = at;
  for (int64_t row = 0; row < header.words; ++row) {
    if (row > 0 && at < bytes.size() && bytes[at] == '\n') ++at;
    const auto space = bytes.find(' ', at);
    if (at >= bytes.size()) refuse(at, "the file ends after ", row, " rows, and its first line says ", header.words);
    if (space == bytes.npos || bytes.size() - space - 1 < size)
      refuse(at, "the file ends inside of row ", row + 1, " of ", header.words, "; is it cut short?");
    const auto word = bytes.substr(at, space - at);
    std::memcpy(vector.data(), bytes.data() + space + 1, size);
    to.add(word, vector, {"byte", at});
    at = space + 1 + size;
    if (at - forgotten > kForget) {
      file.forget();
      forgotten = at;
    }
  }
  if (at < bytes.size() && bytes[at] == '\n') ++at;
  if (at < bytes.size()) refuse(at, "bytes behind the ", header.words, " rows that the first line says");
}

}  // namespace

const VectorFormat kWord2vecBinary{"word2vec's binary format", recognised, read};

}  // namespace storm
