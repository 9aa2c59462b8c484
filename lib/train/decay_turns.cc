#include "train/decay_turns.h"

namespace storm {

std::vector<std::size_t> trained_in_order(const Parameters& parameters) {
  const auto& specs = parameters.specs();
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < specs.size(); ++i)
    if (specs[i].trained) order.push_back(i);
  std::ranges::sort(order, {}, [&](std::size_t i) { return parameters.gradient_offset(i); });
  return order;
}

std::vector<int64_t> turns_at_vectors(const Parameters& parameters) {
  std::vector<int64_t> turns;
  for (const std::size_t i : trained_in_order(parameters))
    if (parameters.specs()[i].vector != (turns.size() % 2 == 1))
      turns.push_back(static_cast<int64_t>(parameters.gradient_offset(i)));
  return turns;
}

std::vector<int64_t> turns_within(std::span<const int64_t> turns, int64_t begin, int64_t end) {
  std::vector<int64_t> within;
  bool decays = true;
  for_stretches(turns, begin, end, [&](int64_t from, int64_t, bool now) {
    if (now != decays) within.push_back(from - begin);
    decays = now;
  });
  return within;
}

}  // namespace storm
