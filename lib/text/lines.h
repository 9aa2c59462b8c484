// Lines of text, in blocks that are worth sharing out among the cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/input.h"

namespace storm {

constexpr std::size_t kMaxLineBytes = std::size_t{16} << 20;  // a longer line is an error: memory stays bounded

struct LineBlock {
  std::string name;        // where the lines are from, for errors: "train.en"
  int64_t first_line = 1;  // the number of the first one there
  std::string text;
  std::vector<std::size_t> ends;  // line i ends at ends[i] of text

  int64_t size() const { return static_cast<int64_t>(ends.size()); }
  std::string_view operator[](int64_t i) const {
    const auto k = static_cast<std::size_t>(i);
    const auto begin = k == 0 ? 0 : ends[k - 1];
    return std::string_view(text).substr(begin, ends[k] - begin);
  }
  std::string where(int64_t i) const;  // "train.en: line 7"
};

// The first of a line's fields, which is taken off its front with the TAB that ends it; the last one is all that is
// left. A CR before a TAB goes, as before a line's end: `paste` puts it there when it joins files with CRLF.
std::string_view take_field(std::string_view& line);

// Reads files one after another ("-" and an empty list: standard input). A line ends with LF or CRLF, and with nothing
// else; the last one may end with the file.
class LineReader {
 public:
  explicit LineReader(std::vector<std::string> paths);
  // The next lines of one file, at least one; false at the end. live: a block ends where reading on would wait, so that
  // whoever types a line gets its answer. Throws Error for a line above kMaxLineBytes.
  bool next(LineBlock& block, bool live);

 private:
  std::vector<std::string> paths_;
  std::size_t opened_ = 0;
  std::optional<Input> input_;
  int64_t line_ = 0;  // lines read from input_
  std::string text_;
};

}  // namespace storm
