#include "data/text_rows.h"

#include <algorithm>

#include "base/error.h"
#include "base/random.h"

namespace storm {

RunningText::RunningText(const TokenFile& file, int32_t eos, bool documents)
    : file_(file), eos_(eos), documents_(documents), size_(file.tokens()[0]) {
  require(file.columns().size() == 1, file.name(), ": running text is one column, and here are ",
          file.columns().size());
  if (documents)
    for (int64_t row = 0, length; row < file.size(); ++row) {
      file.lengths(row, {&length, 1});
      if (length == 0) ends_.push_back(file.ids_before(row) + static_cast<int64_t>(ends_.size()));
    }
  size_ += documents ? static_cast<int64_t>(ends_.size()) : file.size();
}

int64_t RunningText::ends_before(int64_t place) const {
  if (documents_) return std::ranges::lower_bound(ends_, place) - ends_.begin();
  return place == size_ ? file_.size() : file_.row_at(place);
}

int64_t RunningText::end(int64_t number) const {
  if (!documents_) return number < file_.size() ? file_.ids_before(number + 1) + number : size_;
  return number < static_cast<int64_t>(ends_.size()) ? ends_[static_cast<std::size_t>(number)] : size_;
}

void RunningText::append(int64_t first, int64_t last, std::vector<int32_t>& to) const {
  if (first < 0) to.push_back(eos_);
  int64_t place = std::max<int64_t>(first, 0);
  for (int64_t before = ends_before(place); place < last; ++before) {
    const int64_t end = this->end(before), until = std::min(end, last);
    file_.append_ids(place - before, until - before, to);
    if (end < last) to.push_back(eos_);
    place = end + 1;
  }
}

TextBlocks::TextBlocks(RunningText text, int64_t block, std::optional<uint64_t> seed, bool before)
    : TextStretches(std::move(text), std::min(block, text.size()), before), block_(block), seed_(seed) {}

int64_t TextBlocks::first_block(int64_t epoch) const {
  if (!seed_) return block_;
  RandomStream random(*seed_, RandomUse::text_blocks, static_cast<uint64_t>(epoch));
  return block_ - static_cast<int64_t>(random.below(static_cast<uint64_t>(block_)));
}

int64_t TextBlocks::rows(int64_t epoch) const {
  const int64_t left = std::max<int64_t>(text().size() - first_block(epoch), 0);
  return 1 + (left + block_ - 1) / block_;
}

std::pair<int64_t, int64_t> TextBlocks::labels(int64_t epoch, int64_t row) const {
  const int64_t to = first_block(epoch) + row * block_;
  return {std::max<int64_t>(to - block_, 0), std::min(to, text().size())};
}

void TextStretches::lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const {
  const auto [first, last] = labels(epoch, row);
  to[0] = last - first + before_;
}

void TextStretches::append(int64_t epoch, int64_t row, Rows& to) const {
  const auto [first, last] = labels(epoch, row);
  text_.append(first - before_, last, to.ids);
  to.end_column();
}

TextLines::TextLines(const TokenFile& file, int32_t eos) : file_(file), eos_(eos), longest_(file.longest()[0] + 2) {}

void TextLines::lengths(int64_t, int64_t row, std::span<int64_t> to) const {
  file_.lengths(row, to);
  to[0] += 2;
}

void TextLines::append(int64_t, int64_t row, Rows& to) const {
  to.ids.push_back(eos_);
  file_.append_ids(file_.ids_before(row), file_.ids_before(row + 1), to.ids);
  to.ids.push_back(eos_);
  to.end_column();
}

}  // namespace storm
