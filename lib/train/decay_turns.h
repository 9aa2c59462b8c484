// Which parameters weight decay takes from, as the places where it turns: numbers before turns[0] decay, those from
// there to turns[1] do not, those from turns[1] decay again, and so on; rising. Without turns all decay.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/parameters.h"

namespace storm {

// The numbers of the specs that are trained, in the order of their gradients.
std::vector<std::size_t> trained_in_order(const Parameters& parameters);

// Those by which matrices decay and vectors, biases and gains of norms, do not.
std::vector<int64_t> turns_at_vectors(const Parameters& parameters);

// The turns of the numbers [begin, end), counted from begin.
std::vector<int64_t> turns_within(std::span<const int64_t> turns, int64_t begin, int64_t end);

// Calls body(from, to, decays) for the stretches that [begin, end) is cut into.
template <class Body>
void for_stretches(std::span<const int64_t> turns, int64_t begin, int64_t end, Body&& body) {
  auto next = static_cast<std::size_t>(std::ranges::upper_bound(turns, begin) - turns.begin());
  for (; begin < end; ++next) {
    const int64_t to = next < turns.size() ? std::min(turns[next], end) : end;
    body(begin, to, next % 2 == 0);
    begin = to;
  }
}

}  // namespace storm
