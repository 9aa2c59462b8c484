// A hash of values, one after another: for tables in memory and fingerprints of data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace storm {

// The hash so far, with one value more: multiplied by an odd constant (2^64 / the golden ratio) and folded. Checkpoints
// hold fingerprints that are made so.
inline uint64_t mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

// Of bytes, eight at a time.
inline uint64_t hash_of_bytes(std::string_view bytes) {
  uint64_t hash = bytes.size();
  std::size_t i = 0;
  for (uint64_t part = 0; i + 8 <= bytes.size(); i += 8) {
    std::memcpy(&part, bytes.data() + i, 8);
    hash = mixed(hash, part);
  }
  uint64_t rest = 0;
  for (; i < bytes.size(); ++i) rest = rest << 8 | static_cast<unsigned char>(bytes[i]);
  return mixed(hash, rest);
}

}  // namespace storm
