#include "tasks/answer_windows.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace storm {

namespace {

constexpr std::size_t kQuestion = 0, kContext = 1, kBegin = 2, kEnd = 3, kBegins = 4, kEnds = 5, kLine = 6;

int64_t byte_of(std::span<const int32_t> column, const char* what, const std::string& where) {
  const float value = number_of(column);
  constexpr float kMost = 1 << 24;  // a float has each whole number up to it
  require(value >= 0 && value <= kMost && value == std::floor(value), where, ": the answer's ", what, " is ", value,
          ", not a number of bytes");
  return static_cast<int64_t>(value);
}

}  // namespace

std::vector<std::pair<int64_t, int64_t>> WindowRule::cut(int64_t context, int64_t room) const {
  std::vector<std::pair<int64_t, int64_t>> windows;
  const int64_t step = std::max<int64_t>(room - overlap, 1);
  for (int64_t first = 0;; first += step) {
    windows.emplace_back(first, std::min(first + room, context));
    if (first + room >= context) return windows;
  }
}

std::pair<int64_t, int64_t> answered_pieces(std::span<const int32_t> begins, std::span<const int32_t> ends,
                                            int64_t line_bytes, int64_t begin, int64_t end, const std::string& where) {
  require(0 <= begin && begin < end && end <= line_bytes, where, ": the answer at bytes ", begin, " to ", end,
          " is not in its context, which has ", line_bytes);
  const auto first = std::ranges::find_if(ends, [&](int32_t e) { return e > begin; }) - ends.begin();
  int64_t last = std::ssize(begins) - 1;
  while (last >= 0 && begins[static_cast<std::size_t>(last)] >= end) --last;
  require(first <= last, where, ": no piece of the context stands at the answer's bytes ", begin, " to ", end,
          "; are they spaces, or was the context cut by tokenize --max-length?");
  return {first, last};
}

AnswerWindows::AnswerWindows(const TokenFile& file, const TextLayout& layout, const WindowRule& rule, bool no_answer)
    : file_(file), layout_(layout), rule_(rule), longest_{0, 0, 2}, all_{0, 0, 0} {
  Rows rows;
  for (int64_t row = 0; row < file.size(); ++row) {
    rows.clear();
    file.append(row, rows);
    const auto where = place_of(row);
    const int64_t begin = byte_of(rows(0, kBegin), "begin", where), end = byte_of(rows(0, kEnd), "end", where);
    require(begin <= end, where, ": the answer ends at byte ", end, ", before it begins at ", begin);
    require(begin < end || no_answer, where, " has no answer: it begins and ends at byte ", begin,
            "; give --no-answer yes where questions may have none");
    if (begin < end) answered_pieces(rows(0, kBegins), rows(0, kEnds), std::ssize(rows(0, kLine)), begin, end, where);
    const int64_t question = std::ssize(rows(0, kQuestion));
    const int64_t room = rule.tokens - layout.side().added - question;
    require(room > 0, file.name(), ": row ", row + 1, ": a question of ", question,
            " tokens leaves no room in --window ", rule.tokens);
    const auto windows = rule.cut(std::ssize(rows(0, kContext)), room);
    first_.push_back(first_.back() + static_cast<int32_t>(windows.size()));
    longest_[0] = std::max(longest_[0], question);
    all_[0] += question * std::ssize(windows);
    for (const auto& [from, to] : windows) {
      longest_[1] = std::max(longest_[1], to - from);
      all_[1] += to - from;
    }
  }
  all_[2] = 2 * first_.back();
}

std::string AnswerWindows::place_of(int64_t row) const { return str(file_.name(), ": row ", row + 1); }

AnswerWindows::Window AnswerWindows::window(int64_t number) const {
  const int64_t row = std::ranges::upper_bound(first_, number) - first_.begin() - 1;
  std::vector<int64_t> lengths(file_.longest().size());
  file_.lengths(row, lengths);
  const auto windows = rule_.cut(lengths[kContext], rule_.tokens - layout_.side().added - lengths[kQuestion]);
  const auto [first, last] = windows[static_cast<std::size_t>(number - first_[static_cast<std::size_t>(row)])];
  return {row, lengths[kQuestion], first, last};
}

void AnswerWindows::lengths(int64_t, int64_t row, std::span<int64_t> to) const {
  const Window w = window(row);
  to[0] = w.question;
  to[1] = w.last - w.first;
  to[2] = 2;
}

void AnswerWindows::append(int64_t, int64_t row, Rows& to) const {
  const Window w = window(row);
  Rows whole;
  file_.append(w.row, whole);
  const auto where = place_of(w.row);
  const int64_t begin = byte_of(whole(0, kBegin), "begin", where), end = byte_of(whole(0, kEnd), "end", where);
  std::array<int32_t, 2> target{-1, -1};
  if (begin < end) {
    const auto [first, last] =
        answered_pieces(whole(0, kBegins), whole(0, kEnds), std::ssize(whole(0, kLine)), begin, end, where);
    if (first >= w.first && last < w.last)
      target = {static_cast<int32_t>(first - w.first), static_cast<int32_t>(last - w.first)};
  }
  to.columns = 3;
  const auto add = [&](std::span<const int32_t> ids) {
    to.ids.insert(to.ids.end(), ids.begin(), ids.end());
    to.offsets.push_back(std::ssize(to.ids));
  };
  add(whole(0, kQuestion));
  add(whole(0, kContext).subspan(static_cast<std::size_t>(w.first), static_cast<std::size_t>(w.last - w.first)));
  add(target);
}

}  // namespace storm
