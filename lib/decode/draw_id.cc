#include "decode/draw_id.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "decode/logits_processor.h"

namespace storm {

int32_t draw_column(std::span<const float> log_probs, std::span<const int32_t> banned, const DecodeOptions& options,
                    double uniform, std::vector<int32_t>& order, double total) {
  order.resize(log_probs.size());
  std::iota(order.begin(), order.end(), 0);
  if (!banned.empty())
    std::erase_if(order, [&](int32_t column) { return std::ranges::find(banned, column) != banned.end(); });
  require(!order.empty(), "the vocabulary has no piece but the end of sentence: there is nothing to draw");
  const auto at = [&](int32_t id) { return log_probs[static_cast<std::size_t>(id)]; };
  const auto likelier = [&](int32_t a, int32_t b) { return at(a) > at(b) || (at(a) == at(b) && a < b); };
  const auto k = options.top_k > 0 ? std::min(order.size(), static_cast<std::size_t>(options.top_k)) : order.size();
  if (k < order.size() || options.top_p < 1) {
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(), likelier);
    order.resize(k);
  }
  const float largest = at(*std::min_element(order.begin(), order.end(), likelier));
  const auto weight = [&](int32_t id) { return std::exp(static_cast<double>(at(id) - largest) / options.temperature); };
  double all = total;
  if (total == 0)
    for (const int32_t id : order) all += weight(id);
  if (options.top_p < 1) {  // the fewest, from the likeliest on, that together reach top_p
    double sum = 0;
    std::size_t n = 0;
    while (n < order.size() && sum < options.top_p * all) sum += weight(order[n++]);
    if (total > 0 && sum < options.top_p * all) return -1;
    order.resize(std::max<std::size_t>(n, 1));
    all = n > 0 ? sum : weight(order[0]);
  }
  double left = uniform * all;
  for (const int32_t id : order)
    if ((left -= weight(id)) < 0) return id;
  return order.back();  // the sum was rounded
}

int32_t draw_logit(std::span<const float> logits, double uniform) {
  const float largest = *std::ranges::max_element(logits);
  const auto weight = [&](float x) { return std::exp(static_cast<double>(x - largest)); };
  double left = 0;
  for (const float x : logits) left += weight(x);
  left *= uniform;
  int32_t last = 0;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] == kBanned) continue;
    last = static_cast<int32_t>(id);
    if ((left -= weight(logits[id])) < 0) break;
  }
  return last;  // the sum was rounded where none was reached
}

}  // namespace storm
