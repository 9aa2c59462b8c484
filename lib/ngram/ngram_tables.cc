#include "ngram/ngram_tables.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "stream/document.h"

namespace storm {

std::vector<uint32_t> by_mixed_number(uint32_t count, int bits) {
  std::vector<uint32_t> words(count);
  std::iota(words.begin(), words.end(), 0);
  std::ranges::sort(words, {}, [&](uint32_t w) { return mixed_word(w, bits); });
  return words;
}

EntryLayout EntryLayout::of(std::span<const uint64_t> counts, int order) {
  EntryLayout layout{word_bits_of(counts[0])};
  if (order < static_cast<int>(counts.size())) {
    layout.backoff = 32;
    layout.next = static_cast<int>(std::bit_width(counts[static_cast<std::size_t>(order)]));
  }
  return layout;
}

NgramTablesWriter::NgramTablesWriter(Output& output, std::vector<uint64_t> counts, const std::string& vocabulary,
                                     std::span<const int32_t> ids, std::span<const Word> words, bool closed,
                                     std::map<std::string, std::string> metadata)
    : output_(output), counts_(std::move(counts)) {
  require(words.size() == counts_[0] && ids.size() == counts_[0], counts_[0], " words are counted, ", words.size(),
          " given");
  metadata[kKindKey] = kNgramKind;
  metadata[kVersionKey] = kStreamVersion;
  metadata[kNgramClosedKey] = closed ? "all" : "some";
  std::string& text = metadata[kNgramCountsKey];
  for (const auto count : counts_) text += (text.empty() ? "" : ",") + std::to_string(count);
  std::vector<int64_t> next;
  std::vector<float> log_probs, backoffs;
  for (const Word& w : words) {
    next.push_back(static_cast<int64_t>(w.next));
    log_probs.push_back(w.log_prob);
    backoffs.push_back(w.backoff);
  }
  const auto count = static_cast<int64_t>(counts_[0]);
  std::vector<Tensor> tensors{
      {"ngram.1.next", DType::I64, {count}, std::as_bytes(std::span(next))},
      {"ngram.ids", DType::I32, {count}, std::as_bytes(ids)},
      {"ngram.1.log_probs", DType::F32, {count}, std::as_bytes(std::span(log_probs))},
      {"ngram.1.backoffs", DType::F32, {count}, std::as_bytes(std::span(backoffs))},
      {"vocab", DType::U8, {std::ssize(vocabulary)}, std::as_bytes(std::span(vocabulary))},
  };
  const auto given = tensors.size();
  for (int n = 2; n <= static_cast<int>(counts_.size()); ++n) {
    const auto bytes = EntryLayout::of(counts_, n).table_bytes(counts_[static_cast<std::size_t>(n) - 1]);
    tensors.push_back({"ngram." + std::to_string(n), DType::U8, {static_cast<int64_t>(bytes)}, {}});
  }
  output_.write(header_bytes(metadata, tensors));
  for (std::size_t t = 0; t < given; ++t) output_.write(tensors[t].bytes);
  begin_order();
}

void NgramTablesWriter::begin_order() {
  if (order_ == static_cast<int>(counts_.size())) return;
  ++order_;
  layout_ = EntryLayout::of(counts_, order_);
  left_ = counts_[static_cast<std::size_t>(order_) - 1];
  if (left_ == 0) end_order();
}

void NgramTablesWriter::add(const NgramEntry& entry) {
  require(left_ > 0, "more ", order_, "-grams come than were counted");
  put(entry.word, layout_.word);
  put(std::bit_cast<uint32_t>(std::fabs(entry.log_prob)), EntryLayout::kProb);
  if (layout_.backoff > 0) {
    put(std::bit_cast<uint32_t>(entry.backoff), layout_.backoff);
    put(entry.next, layout_.next);
  }
  if (--left_ == 0) end_order();
}

void NgramTablesWriter::end_order() {
  put(0, layout_.word);
  put(0, EntryLayout::kProb);
  if (layout_.backoff > 0) {
    put(0, layout_.backoff);
    put(counts_[static_cast<std::size_t>(order_)], layout_.next);
  }
  const auto all = layout_.table_bytes(counts_[static_cast<std::size_t>(order_) - 1]);
  while (written_ + bytes_.size() < all) put(0, 8 - waiting_ % 8);
  write_bytes(bytes_.size());
  require(written_ == all && waiting_ == 0, "a table of ", order_, "-grams has ", written_, " bytes, not ", all);
  written_ = 0;
  begin_order();
}

void NgramTablesWriter::put(uint64_t value, int width) {
  bits_ |= value << waiting_;  // fewer than 8 wait, and at most 40 come
  waiting_ += width;
  for (; waiting_ >= 8; waiting_ -= 8, bits_ >>= 8) bytes_.push_back(static_cast<std::byte>(bits_));
  if (bytes_.size() >= std::size_t{1} << 16) write_bytes(bytes_.size());
}

void NgramTablesWriter::write_bytes(std::size_t bytes) {
  output_.write(std::span(bytes_).first(bytes));
  written_ += bytes;
  bytes_.clear();
}

void NgramTablesWriter::finish() {
  require(order_ == static_cast<int>(counts_.size()) && left_ == 0, "fewer ", order_, "-grams came than were counted");
}

}  // namespace storm
