#include "decode/sorted_batches.h"

#include <algorithm>
#include <numeric>

namespace storm {

std::vector<std::vector<std::size_t>> sorted_batches(std::span<const int64_t> lengths, int64_t max_tokens,
                                                     int64_t max_sentences) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<std::size_t>> batches;
  int64_t tokens = 0;
  for (const std::size_t s : order) {
    const int64_t more = tokens_with_eos(lengths[s]);
    if (batches.empty() || tokens + more > max_tokens ||
        static_cast<int64_t>(batches.back().size()) >= std::max<int64_t>(max_sentences, 1)) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(s);
    tokens += more;
  }
  return batches;
}

}  // namespace storm
