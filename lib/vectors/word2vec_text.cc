// word2vec's text, and fastText's .vec: a line with the sizes, then the rows, with or without a space behind each
// (https://github.com/tmikolov/word2vec, the end of TrainModel; https://github.com/facebookresearch/fastText,
// FastText::saveVectors).
#include "base/error.h"
#include "vectors/vector_format.h"
#include "vectors/vector_lines.h"
#include "vectors/word2vec_header.h"

namespace storm {

namespace {

bool recognised(std::string_view bytes) {
  const auto header = word2vec_header(bytes);
  return header && !is_word2vec_binary(bytes, *header);
}

void read(const MappedFile& file, const BeginVectors& begin) {
  const auto header = *word2vec_header(text_of(file));
  auto& to = begin(header.width, {});
  require(text_of(file).size() > header.bytes, file.name(), ": line 2: the file ends after its header");
  read_vector_lines(file, header.bytes, 2, header.words, to);
}

}  // namespace

const VectorFormat kWord2vecText{"word2vec's text", recognised, read};

}  // namespace storm
