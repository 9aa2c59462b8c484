// Records on disk: written one after another, then read in the same order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "base/temporary_file.h"

namespace storm {

constexpr std::string_view kSortedNgrams = "n-grams that are sorted";  // what temporary files hold, for errors

// Memory: one buffer.
template <class Record>
class Sequence {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  explicit Sequence(std::size_t buffer_bytes = std::size_t{1} << 18)
      : file_(kSortedNgrams), records_(std::max<std::size_t>(buffer_bytes / sizeof(Record), 1)) {}

  void push(const Record& record) {
    if (buffer_.size() == records_) write();
    if (buffer_.empty()) buffer_.reserve(records_);
    buffer_.push_back(record);
  }
  uint64_t size() const { return file_.size() / sizeof(Record) + (reading_ ? 0 : buffer_.size()); }

  // From now on, next() gives the records from the first one on; nothing more is pushed.
  void rewind() {
    if (!reading_) write();
    reading_ = true;
    read_ = 0;
    at_ = 0;
    buffer_.clear();
  }
  // The record that next() would give, null behind the last one.
  const Record* peek() {
    if (at_ == buffer_.size() && !refill()) return nullptr;
    return &buffer_[at_];
  }
  // Null behind the last one. What it points to stays until the next call.
  const Record* next() {
    const auto* record = peek();
    if (record) ++at_;
    return record;
  }

 private:
  void write() {
    file_.append(std::as_bytes(std::span(buffer_)), kSortedNgrams);
    buffer_.clear();
  }
  bool refill() {
    const auto left = file_.size() / sizeof(Record) - read_;
    buffer_.resize(static_cast<std::size_t>(std::min<uint64_t>(left, records_)));
    at_ = 0;
    if (buffer_.empty()) return false;
    file_.read(read_ * sizeof(Record), std::as_writable_bytes(std::span(buffer_)), kSortedNgrams);
    read_ += buffer_.size();
    return true;
  }

  TemporaryFile file_;
  std::size_t records_;  // of the buffer
  std::vector<Record> buffer_;
  std::size_t at_ = 0;  // of what was read, in the buffer
  uint64_t read_ = 0;   // records that were read from the file
  bool reading_ = false;
};

}  // namespace storm
