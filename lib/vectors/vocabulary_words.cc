#include "vectors/vocabulary_words.h"

#include <algorithm>

namespace storm {

VocabularyWords::VocabularyWords(std::string name, Vocabulary vocabulary, std::span<const int32_t> ids,
                                 std::span<const float> vectors, int64_t width)
    : name_(std::move(name)), vocabulary_(std::move(vocabulary)), vectors_(vectors), width_(width) {
  constexpr std::string_view kSpace = "\u2581";
  for (std::size_t r = 0; r < ids.size(); ++r) {
    rows_[ids[r]] = r;
    const auto piece = vocabulary_.marked_piece(ids[r]);
    if (ids[r] == vocabulary_.unk_id() || !piece.starts_with(kSpace) || piece.size() == kSpace.size()) continue;
    row_of_[ids[r]] = size();
    words_.push_back(piece.substr(kSpace.size()));
    const auto row = vectors.subspan(r * static_cast<std::size_t>(width), static_cast<std::size_t>(width));
    own_.insert(own_.end(), row.begin(), row.end());
  }
}

int64_t VocabularyWords::row_of(std::string_view word) const {
  const auto ids = vocabulary_.encode(word);
  const auto it = ids.size() == 1 ? row_of_.find(ids[0]) : row_of_.end();
  return it == row_of_.end() ? -1 : it->second;
}

void VocabularyWords::read(int64_t row, std::span<float> to) const {
  std::copy_n(own_.begin() + row * width_, width_, to.begin());
}

bool VocabularyWords::read_word(std::string_view word, std::span<float> to) const {
  const auto ids = vocabulary_.encode(word);
  std::vector<double> sum(to.size());
  for (const auto id : ids) {
    const auto it = rows_.find(id);
    if (it == rows_.end() || id == vocabulary_.unk_id()) return false;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += vectors_[it->second * sum.size() + i];
  }
  for (std::size_t i = 0; i < sum.size() && !ids.empty(); ++i)
    to[i] = static_cast<float>(sum[i] / static_cast<double>(ids.size()));
  return !ids.empty();
}

std::vector<VectorBlock> VocabularyWords::blocks() const {
  return {{DType::F32, size(), std::as_bytes(std::span(own_)), name_}};
}

}  // namespace storm
