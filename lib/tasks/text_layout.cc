#include "tasks/text_layout.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace storm {

Side TextLayout::side() const {
  Side side{.columns = std::vector<std::size_t>(texts_), .added = added(), .longest = longest_};
  std::iota(side.columns.begin(), side.columns.end(), std::size_t{0});
  return side;
}

int64_t TextLayout::tokens(std::span<const std::span<const int32_t>> row) const {
  int64_t tokens = added();
  for (const auto& text : row) tokens += std::ssize(text);
  return tokens;
}

int64_t TextLayout::begin_of_last(std::span<const std::span<const int32_t>> row) const {
  const int64_t before = frame_.before >= 0;
  return texts_ == 1 ? before : before + std::ssize(row[0]) + 1;
}

void TextLayout::add(PackedSentences& to, std::span<const std::span<const int32_t>> texts, int64_t row) const {
  const int64_t count = tokens(texts);
  require(count <= longest_, "row ", row, ": ", count, " tokens with what stands around texts, the model takes ",
          longest_, "; cut it with tokenize --max-length, or make two lines of it");
  if (texts_ == 1) return to.add(frame_.before, texts[0], frame_.behind);
  std::vector<int32_t> joined(texts[0].begin(), texts[0].end());
  joined.push_back(frame_.behind >= 0 ? frame_.behind : frame_.before);
  joined.insert(joined.end(), texts[1].begin(), texts[1].end());
  to.add(frame_.before, joined, frame_.behind);
  if (!frame_.shown) return;
  const auto begin = static_cast<std::size_t>(begin_of_last(texts));
  to.segments.resize(to.segments.size() + begin, 0);
  to.segments.resize(to.ids.size(), 1);
}

}  // namespace storm
