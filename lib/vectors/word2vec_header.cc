#include "vectors/word2vec_header.h"

#include <algorithm>
#include <charconv>

#include "vectors/word_vectors_writer.h"

namespace storm {

std::optional<Word2vecHeader> word2vec_header(std::string_view bytes) {
  constexpr std::size_t kLongest = 100;
  const auto end = bytes.substr(0, kLongest).find('\n');
  if (end == bytes.npos) return {};
  auto line = bytes.substr(0, end);
  for (const char c : {'\r', ' '})
    if (line.ends_with(c)) line.remove_suffix(1);
  const auto space = line.find(' ');
  if (space == line.npos) return {};
  const auto whole = [](std::string_view text) -> std::optional<int64_t> {
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return {};
    int64_t value = INT64_MAX;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const auto words = whole(line.substr(0, space)), width = whole(line.substr(space + 1));
  if (!words || !width) return {};
  return Word2vecHeader{*words, *width, end + 1};
}

bool is_word2vec_binary(std::string_view bytes, const Word2vecHeader& header) {
  bytes.remove_prefix(header.bytes);
  const auto space = bytes.find(' ');
  if (space == bytes.npos) return false;
  const auto width = std::min(header.width, WordVectorsWriter::kMostNumbers);
  const auto some = bytes.substr(space + 1, static_cast<std::size_t>(width) * sizeof(float));
  constexpr std::string_view kOfNumbers = "0123456789+-.eE \r\n";
  const auto digits = std::ranges::count_if(some, [&](char c) { return kOfNumbers.find(c) != kOfNumbers.npos; });
  return 2 * digits < static_cast<int64_t>(some.size());
}

}  // namespace storm
