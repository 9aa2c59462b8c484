// Sorts records of a fixed size within a budget of memory: what does not fit is written to disk in sorted runs, which
// are merged when they are read (cf. KenLM's lm/builder, Heafield et al. 2013, "Scalable Modified Kneser-Ney Language
// Model Estimation").
//
// A Record has `words`, by which it is sorted (PackedWords), and `combine(other)`: takes up a record of equal words and
// says so, or says no.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/temporary_file.h"
#include "ngram/sequence.h"

namespace storm {

template <class Record>
class RecordSorter {
 public:
  explicit RecordSorter(std::size_t budget) : budget_(std::max<std::size_t>(budget, std::size_t{1} << 20)) {
    block_records_ = std::clamp<std::size_t>(budget_ / 16 / sizeof(Record), 1, kBlockBytes / sizeof(Record));
    most_ = budget_ * 9 / 20 / sizeof(Record);  // they are in memory twice while they are sorted
  }

  void push(const Record& record) {
    if (last_ == end_) {
      if (count_ >= most_) write_run();
      blocks_.emplace_back(block_records_ * sizeof(Record));
      last_ = blocks_.back().template as<Record>().data();
      end_ = last_ + block_records_;
      count_ += block_records_;
    }
    *last_++ = record;
  }

  // Nothing is pushed any more; next() gives the records in their order, equal ones combined.
  void finish() {
    if (runs_.empty()) {
      sort();
      return;
    }
    write_run();
    sorted_ = Buffer();
    const std::size_t buffer = std::clamp<std::size_t>(budget_ / 2 / runs_.size(), 1 << 14, 1 << 20);
    for (const auto& run : runs_) {
      readers_.push_back(std::make_unique<Reader>(*file_, run, buffer / sizeof(Record)));
      heads_.push_back(readers_.back().get());
    }
    std::ranges::make_heap(heads_, later);
  }

  // Null behind the last one. What it points to stays until the next call.
  const Record* next() {
    const Record* first = take();
    if (!first) return nullptr;
    current_ = *first;
    for (const Record* other = look(); other && current_.combine(*other); other = look()) take();
    return &current_;
  }

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{8} << 20;
  static constexpr std::size_t kFew = 48;  // so many are sorted by comparing

  struct Run {
    uint64_t begin, records;  // byte of the file
  };

  class Reader {
   public:
    Reader(const TemporaryFile& file, Run run, std::size_t records)
        : file_(file), begin_(run.begin), left_(run.records), buffer_(records) {
      advance();
    }
    const Record& head() const { return buffer_[at_]; }
    bool advance() {  // false: there are no more
      if (++at_ < filled_) return true;
      filled_ = static_cast<std::size_t>(std::min<uint64_t>(left_, buffer_.size()));
      at_ = 0;
      if (filled_ == 0) return false;
      const auto bytes = std::as_writable_bytes(std::span(buffer_).first(filled_));
      file_.read(begin_, bytes, kSortedNgrams);
      begin_ += bytes.size();
      left_ -= filled_;
      return true;
    }

   private:
    const TemporaryFile& file_;
    uint64_t begin_, left_;
    std::vector<Record> buffer_;
    std::size_t at_ = 0, filled_ = 0;
  };

  static bool later(const Reader* a, const Reader* b) { return b->head().words < a->head().words; }

  const Record* look() {
    if (runs_.empty()) return at_ < count_ ? &sorted_.as<Record>()[at_] : nullptr;
    return heads_.empty() ? nullptr : &heads_.front()->head();
  }

  const Record* take() {
    if (runs_.empty()) return at_ < count_ ? &sorted_.as<Record>()[at_++] : nullptr;
    if (heads_.empty()) return nullptr;
    taken_ = heads_.front()->head();
    Reader* const reader = heads_.front();
    if (reader->advance()) {
      sink(reader);
    } else {
      std::ranges::pop_heap(heads_, later);
      heads_.pop_back();
    }
    return &taken_;
  }

  // Puts the first of the heap, whose head has changed, in its place.
  void sink(Reader* reader) {
    std::size_t at = 0;
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= heads_.size()) break;
      if (child + 1 < heads_.size() && later(heads_[child], heads_[child + 1])) ++child;
      if (!later(reader, heads_[child])) break;
      heads_[at] = heads_[child];
      at = child;
    }
    heads_[at] = reader;
  }

  void write_run() {
    sort();
    if (count_ == 0) return;
    if (!file_) file_.emplace(kSortedNgrams);
    runs_.push_back({file_->size(), 0});
    const auto all = sorted_.as<Record>();
    std::vector<Record> out;
    const auto flush = [&] {
      file_->append(std::as_bytes(std::span(out)), kSortedNgrams);
      runs_.back().records += out.size();
      out.clear();
    };
    out.reserve(kBlockBytes / 8 / sizeof(Record));
    for (std::size_t i = 0; i < count_; ++i) {
      if (!out.empty() && out.back().combine(all[i])) continue;
      if (out.size() == out.capacity()) {
        const Record last = out.back();  // which the next one may be combined with
        out.pop_back();
        flush();
        out.push_back(last);
      }
      out.push_back(all[i]);
    }
    flush();
    sorted_ = Buffer();
    count_ = 0;
  }

  // Moves what the blocks hold into sorted_, in order: all threads share out the records by their first two digits,
  // and then each sorts what begins alike.
  void sort() {
    count_ -= static_cast<std::size_t>(end_ - last_);
    last_ = end_ = nullptr;
    if (count_ == 0) return;
    constexpr std::size_t kStarts = std::size_t{1} << 16;
    const auto start = [](const Record& r) {
      return static_cast<std::size_t>(r.words.digit(0) << 8 | r.words.digit(1));
    };
    const auto block = [&](std::size_t b) {
      return blocks_[b].template as<Record>().first(std::min(block_records_, count_ - b * block_records_));
    };
    const auto threads = static_cast<std::size_t>(thread_count());
    std::vector<std::vector<std::size_t>> places(threads, std::vector<std::size_t>(kStarts));
    const auto blocks_of = [&](std::size_t thread, auto&& visit) {
      for (std::size_t b = blocks_.size() * thread / threads; b < blocks_.size() * (thread + 1) / threads; ++b)
        visit(b);
    };
    parallel_items(static_cast<int64_t>(threads), [&](int64_t t) {
      auto& counts = places[static_cast<std::size_t>(t)];
      blocks_of(static_cast<std::size_t>(t), [&](std::size_t b) {
        for (const Record& r : block(b)) ++counts[start(r)];
      });
    });
    std::vector<std::size_t> begins(kStarts + 1);
    for (std::size_t s = 0, sum = 0; s < kStarts; ++s) {
      begins[s] = sum;
      for (auto& counts : places) sum += std::exchange(counts[s], sum);
      begins[s + 1] = sum;
    }
    sorted_ = Buffer(count_ * sizeof(Record));
    const auto all = sorted_.as<Record>();
    parallel_items(static_cast<int64_t>(threads), [&](int64_t t) {
      auto& to = places[static_cast<std::size_t>(t)];
      blocks_of(static_cast<std::size_t>(t), [&](std::size_t b) {
        for (const Record& r : block(b)) all[to[start(r)]++] = r;
        blocks_[b] = Buffer();
      });
    });
    blocks_.clear();
    // Some 256 shares of starts, each of about as many records.
    std::vector<std::size_t> shares{0};
    for (std::size_t s = 0; s < kStarts; ++s)
      if (begins[s + 1] - begins[shares.back()] > count_ / 256) shares.push_back(s + 1);
    if (shares.back() < kStarts) shares.push_back(kStarts);
    parallel_items(std::ssize(shares) - 1, [&](int64_t share) {
      std::vector<Record> scratch;
      for (auto s = shares[static_cast<std::size_t>(share)]; s < shares[static_cast<std::size_t>(share) + 1]; ++s)
        sort_from(all.subspan(begins[s], begins[s + 1] - begins[s]), 2, scratch);
    });
  }

  // Sorts records that are alike before this digit.
  static void sort_from(std::span<Record> records, int digit, std::vector<Record>& scratch) {
    if (digit >= decltype(Record::words)::kDigits || records.size() < 2) return;
    if (records.size() <= kFew) {
      std::ranges::sort(records, [](const Record& a, const Record& b) { return a.words < b.words; });
      return;
    }
    std::array<std::size_t, 257> begins{};
    for (const Record& r : records) ++begins[r.words.digit(digit) + 1];
    for (std::size_t d = 0; d < 256; ++d) begins[d + 1] += begins[d];
    const auto first = records[0].words.digit(digit);
    if (begins[first + 1] - begins[first] == records.size()) return sort_from(records, digit + 1, scratch);
    scratch.assign(records.begin(), records.end());
    auto places = begins;
    for (const Record& r : scratch) records[places[r.words.digit(digit)]++] = r;
    for (std::size_t d = 0; d < 256; ++d)
      sort_from(records.subspan(begins[d], begins[d + 1] - begins[d]), digit + 1, scratch);
  }

  std::size_t budget_, block_records_ = 0, most_ = 0;
  std::vector<Buffer> blocks_;
  Record *last_ = nullptr, *end_ = nullptr;  // of the last block: where the next one goes
  std::size_t count_ = 0;                    // records in the blocks (with room for more), then in sorted_
  Buffer sorted_;
  std::size_t at_ = 0;
  std::optional<TemporaryFile> file_;
  std::vector<Run> runs_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<Reader*> heads_;  // a heap: the one with the least head first
  Record taken_{}, current_{};
};

}  // namespace storm
