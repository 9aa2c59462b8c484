#include "decode/stop_strings.h"

#include <algorithm>

#include "base/error.h"

namespace storm {

namespace {

// So many ids before others tell how these are decoded: where a line begins, its first space goes, and up to 4 ids
// spell a character.
constexpr std::size_t kContext = 8;

}  // namespace

std::string text_behind(const Vocabulary& vocabulary, std::span<const int32_t> before, std::span<const int32_t> ids) {
  const auto context = before.last(std::min(before.size(), kContext));
  std::vector<int32_t> all(context.begin(), context.end());
  all.insert(all.end(), ids.begin(), ids.end());
  const std::string text = vocabulary.decode(all), head = vocabulary.decode(context);
  // A character that the ids complete was something else in the head.
  return text.substr(static_cast<std::size_t>(std::ranges::mismatch(head, text).in2 - text.begin()));
}

StopStrings::StopStrings(const Vocabulary& vocabulary, std::vector<std::string> strings)
    : vocabulary_(vocabulary), strings_(std::move(strings)) {
  for (const auto& s : strings_) {
    if (s.empty()) throw UsageError("--stop: an empty text is in every answer");
    longest_ = std::max(longest_, s.size());
  }
}

bool StopStrings::end(std::span<const int32_t> before, std::span<const int32_t> ids) const {
  // Ids have a byte of text each at least, so a string that the last one completes begins in one of these.
  const std::size_t tail = std::min(ids.size(), longest_ + 1), rest = ids.size() - tail;
  return find(text_behind(vocabulary_, rest > 0 ? ids.first(rest) : before, ids.last(tail))) != std::string::npos;
}

std::size_t StopStrings::kept(std::span<const int32_t> before, std::span<const int32_t> ids) const {
  const std::size_t begins = find(text_behind(vocabulary_, before, ids));
  std::size_t n = ids.size();
  while (begins != std::string::npos && n > 0 && text_behind(vocabulary_, before, ids.first(n)).size() > begins) --n;
  return n;
}

std::size_t StopStrings::find(std::string_view text) const {
  std::size_t first = std::string::npos;
  for (const auto& s : strings_) first = std::min(first, text.find(s));
  return first;
}

std::size_t StopStrings::begun(std::string_view text) const {
  std::size_t most = 0;
  for (const auto& s : strings_)
    for (std::size_t n = std::min(s.size() - 1, text.size()); n > most; --n)
      if (text.ends_with(std::string_view(s).substr(0, n))) most = n;
  return most;
}

}  // namespace storm
