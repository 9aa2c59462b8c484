// Sorts short lists of 64-bit numbers without branches that depend on them: a few dozen in random order cost a general
// sort mostly mispredicted branches.
#pragma once

#include <cstdint>
#include <vector>

namespace storm {

// Ascending; all keys from 1 to 2^63 - 1. scratch: its memory is reused.
void sort_keys(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch);

}  // namespace storm
