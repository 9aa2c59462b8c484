#include "vectors/word_vectors.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "base/error.h"
#include "base/number.h"
#include "base/printable.h"
#include "base/split.h"
#include "stream/transform.h"

namespace storm {

namespace {

// What kSubwordsKey says: least,most,buckets.
Subwords subwords_of(const Document& document) {
  const auto it = document.metadata.find(kSubwordsKey);
  if (it == document.metadata.end()) return {};
  std::vector<int64_t> numbers;
  for (const auto& field : split_at_commas(it->second)) numbers.push_back(parse_number<int64_t>(field).value_or(-1));
  require(
      numbers.size() == 3 && numbers[0] >= 1 && numbers[1] >= numbers[0] && numbers[2] >= 1 && numbers[2] <= INT32_MAX,
      document.where, ": ", kSubwordsKey, " is '", printable(it->second), "', not LEAST,MOST,BUCKETS");
  return {numbers[0], numbers[1], numbers[2]};
}

}  // namespace

WordVectors::WordVectors(const std::string& path) : file_(map_embeddings(path)) {
  for (const auto& batch : file_.batches) {
    begins_.push_back(size_);
    size_ += batch.rows;
  }
  require(size_ > 0, path, ": holds no vectors");
  require(size_ <= INT32_MAX, path, ": more than ", INT32_MAX, " vectors");
  index();
  subwords_ = subwords_of(file_.batches.front().document);
  if (subwords_.buckets == 0) return;
  const auto& last = file_.batches.back().document;
  buckets_ = last.values<int32_t>("subwords.buckets", {-1});
  n_grams_ = last.tensor("subwords.vectors");
  require(n_grams_->shape == std::vector{static_cast<int64_t>(buckets_.size()), width()}, last.where,
          ": subwords.vectors are ", shape_text(n_grams_->shape), ", not [", buckets_.size(), ", ", width(), "]");
  const bool ascend = std::ranges::adjacent_find(buckets_, std::greater_equal<>()) == buckets_.end();
  require(ascend && (buckets_.empty() || (buckets_.front() >= 0 && buckets_.back() < subwords_.buckets)), last.where,
          ": subwords.buckets do not ascend from 0 to ", subwords_.buckets - 1);
}

void WordVectors::index() {
  slots_.assign(std::bit_ceil(static_cast<std::size_t>(size_) * 2), -1);
  for (int64_t row = 0; row < size_; ++row) {
    const auto text = word(row);
    auto at = std::hash<std::string_view>{}(text) & (slots_.size() - 1);
    for (; slots_[at] >= 0; at = (at + 1) & (slots_.size() - 1))
      require(word(slots_[at]) != text, name(), ": row ", row + 1, ": '", printable(text), "' stands in row ",
              slots_[at] + 1, " already; these are no vectors of words");
    slots_[at] = static_cast<int32_t>(row);
  }
}

std::size_t WordVectors::batch_of(int64_t row) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(begins_, row) - begins_.begin()) - 1;
}

std::string_view WordVectors::word(int64_t row) const {
  const auto k = batch_of(row);
  return file_.batches[k].text(row - begins_[k]);
}

int64_t WordVectors::row_of(std::string_view text) const {
  auto at = std::hash<std::string_view>{}(text) & (slots_.size() - 1);
  for (; slots_[at] >= 0; at = (at + 1) & (slots_.size() - 1))
    if (word(slots_[at]) == text) return slots_[at];
  return -1;
}

void WordVectors::read(int64_t row, std::span<float> to) const {
  const auto k = batch_of(row);
  read_floats(file_.batches[k].vectors(), (row - begins_[k]) * width(), to);
}

std::vector<float> WordVectors::all() const {
  std::vector<float> values(static_cast<std::size_t>(size_ * width()));
  auto to = std::span(values);
  for (const auto& batch : file_.batches) {
    const auto n = static_cast<std::size_t>(batch.rows * width());
    read_floats(batch.vectors(), 0, to.first(n));
    to = to.subspan(n);
  }
  return values;
}

std::vector<float> WordVectors::n_grams() const {
  std::vector<float> values(buckets_.size() * static_cast<std::size_t>(width()));
  if (n_grams_) read_floats(*n_grams_, 0, std::span(values));
  return values;
}

bool WordVectors::read_word(std::string_view text, std::span<float> to) const {
  if (const auto row = row_of(text); row >= 0) {
    read(row, to);
    return true;
  }
  std::vector<int32_t> all;
  subword_buckets(text, subwords_, all);
  std::vector<float> sum(to.size()), values(to.size());
  int64_t found = 0;
  for (const auto bucket : all) {
    const auto it = std::ranges::lower_bound(buckets_, bucket);
    if (it == buckets_.end() || *it != bucket) continue;
    read_floats(*n_grams_, (it - buckets_.begin()) * width(), std::span(values));
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
    ++found;
  }
  if (found == 0) return false;
  const auto share = static_cast<float>(1.0 / static_cast<double>(found));
  for (std::size_t i = 0; i < sum.size(); ++i) to[i] = sum[i] * share;
  return true;
}

std::vector<VectorBlock> WordVectors::blocks() const { return blocks_of(file_); }

std::vector<VectorBlock> blocks_of(const EmbeddingsFile& file) {
  std::vector<VectorBlock> all;
  for (const auto& b : file.batches) all.push_back({b.vectors().dtype, b.rows, b.vectors().bytes, b.document.where});
  return all;
}

}  // namespace storm
