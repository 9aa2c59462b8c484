#include "data/sentence_pairs.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace storm {

namespace {

constexpr int64_t kStride = 16;
constexpr double kShort = 0.1;  // share of rows whose length is drawn

// Tokens of a or b go, always of the longer, until there are `most`.
void trim(int64_t& a, int64_t& b, int64_t most) {
  while (a + b > most) --(a > b ? a : b);
}

}  // namespace

SentencePairs::SentencePairs(const TokenFile& file, int64_t length, std::optional<uint64_t> seed)
    : file_(file), length_(length), seed_(seed), longest_{length, 2} {
  require(file.columns().size() == 1, file.name(), ": sentence pairs are of one column, and here are ",
          file.columns().size());
  require(length >= 2, "sentence pairs of ", length, " tokens: two are the least");
  require(file.size() <= int64_t{1} << 32, file.name(), ": holds more than 2^32 sentences");
  bool inside = false;
  for (int64_t row = 0, n; row < file.size(); ++row) {
    file.lengths(row, {&n, 1});
    if (n > 0 && !inside) documents_.push_back({row, row});
    if (n > 0) documents_.back().last = row + 1;
    inside = n > 0;
  }
  require(documents_.size() > 1, file.name(), ": holds ", documents_.size(),
          " document, and next sentences take two at least; blank lines stand between documents (tokenize --empty "
          "keep), or give --next-sentence no");
}

std::size_t SentencePairs::document_of(int64_t row) const {
  const auto after = std::ranges::upper_bound(documents_, row, {}, &Stretch::first);
  return static_cast<std::size_t>(after - documents_.begin()) - 1;
}

SentencePairs::Pair SentencePairs::pair(int64_t epoch, std::size_t document, int64_t first, bool whole) const {
  RandomStream random(seed_.value_or(0), RandomUse::sentence_pairs, stream_in_epoch(seed_ ? epoch : 0, first));
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random.below(static_cast<uint64_t>(n))); };
  const int64_t target = random.uniform() < kShort ? 2 + below(length_ - 1) : length_;
  const int64_t before = file_.ids_before(first);
  int64_t last = first + 1;
  while (last < documents_[document].last && file_.ids_before(last) - before < target) ++last;
  const int64_t sentences = last - first, middle = first + (sentences > 1 ? 1 + below(sentences - 1) : 1);
  const bool is_next = sentences > 1 && random.uniform() >= 0.5;
  Pair p{.a = {first, middle},
         .b = {middle, last},
         .label = is_next ? kIsNext : kIsElsewhere,
         .next = is_next ? last : middle,
         .in_a = 0,
         .in_b = 0,
         .random = random};
  if (!whole) return p;
  if (!is_next) {
    auto other = static_cast<std::size_t>(below(static_cast<int64_t>(documents_.size()) - 1));
    if (other >= document) ++other;
    const auto [begin, end] = documents_[other];
    const int64_t from = begin + below(end - begin), room = target - ids(p.a);
    p.b = {from, from + 1};
    while (p.b.last < end && ids(p.b) < room) ++p.b.last;
  }
  p.in_a = ids(p.a);
  p.in_b = ids(p.b);
  trim(p.in_a, p.in_b, length_);
  p.random = random;
  return p;
}

template <class Take>
void SentencePairs::walk(int64_t epoch, int64_t first, bool whole, Take&& take) const {
  for (std::size_t document = document_of(first); document < documents_.size();) {
    const Pair p = pair(epoch, document, first, whole);
    if (!take(p, first)) return;
    first = p.next;
    if (first < documents_[document].last) continue;
    if (++document < documents_.size()) first = documents_[document].first;
  }
}

const SentencePairs::Epoch& SentencePairs::cut(int64_t epoch) const {
  if (!seed_) epoch = 0;
  if (cut_.epoch == epoch) return cut_;
  found_row_ = -1;
  cut_ = {.epoch = epoch, .begins = {}};
  walk(epoch, documents_[0].first, false, [&](const Pair&, int64_t first) {
    if (cut_.rows++ % kStride == 0) cut_.begins.push_back(first);
    return true;
  });
  return cut_;
}

const SentencePairs::Pair& SentencePairs::find(int64_t epoch, int64_t row) const {
  const Epoch& at = cut(epoch);
  if (found_row_ == row) return *found_;
  require(row >= 0 && row < at.rows, file_.name(), ": pair ", row, " of ", at.rows);
  int64_t left = row % kStride;
  walk(epoch, at.begins[static_cast<std::size_t>(row / kStride)], false, [&](const Pair&, int64_t first) {
    if (left-- > 0) return true;
    found_.emplace(pair(epoch, document_of(first), first, true));
    return false;
  });
  found_row_ = row;
  return *found_;
}

void SentencePairs::lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const {
  const Pair& p = find(epoch, row);
  to[0] = p.in_a + p.in_b;
  to[1] = 2;
}

void SentencePairs::append(int64_t epoch, int64_t row, Rows& to) const {
  const Pair& p = find(epoch, row);
  RandomStream random = p.random;
  to.columns = 2;
  const auto add = [&](Stretch rows, int64_t stay) {
    int64_t first = file_.ids_before(rows.first);
    for (int64_t gone = ids(rows) - stay; gone > 0; --gone) first += random.uniform() < 0.5 ? 1 : 0;
    file_.append_ids(first, first + stay, to.ids);
  };
  add(p.a, p.in_a);
  add(p.b, p.in_b);
  to.end_column();
  to.add(std::array{static_cast<int32_t>(p.in_a), p.label});
}

std::vector<int64_t> SentencePairs::all_ids(int64_t epoch) const {
  std::vector<int64_t> all{0, 2 * rows(epoch)};
  walk(epoch, documents_[0].first, true, [&](const Pair& p, int64_t) {
    all[0] += p.in_a + p.in_b;
    return true;
  });
  return all;
}

}  // namespace storm
