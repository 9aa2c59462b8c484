#include "vectors/subwords.h"

#include <string>

namespace storm {

void subword_buckets(std::string_view word, const Subwords& subwords, std::vector<int32_t>& buckets) {
  buckets.clear();
  if (subwords.buckets == 0) return;
  const auto text = "<" + std::string(word) + ">";
  const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80; };
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    if (continues(begin)) continue;
    uint32_t hash = 2166136261u;
    std::size_t end = begin;
    for (int64_t length = 1; length <= subwords.most && end < text.size(); ++length) {
      do {
        hash = (hash ^ static_cast<uint32_t>(static_cast<int8_t>(text[end++]))) * 16777619u;
      } while (end < text.size() && continues(end));
      const bool is_end = length == 1 && (begin == 0 || end == text.size());
      if (length >= subwords.least && !is_end)
        buckets.push_back(static_cast<int32_t>(hash % static_cast<uint32_t>(subwords.buckets)));
    }
  }
}

}  // namespace storm
