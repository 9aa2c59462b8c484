// The longest piece that a text begins with.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/flat_map.h"

namespace storm {

class PieceTrie {
 public:
  struct Match {
    int32_t id = -1;  // -1: no piece
    std::size_t length = 0;
  };

  void add(std::string_view piece, int32_t id) {
    uint32_t node = 0;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      auto& child = nodes_[key(node, piece[i])];
      if (child.number == 0) child.number = static_cast<uint32_t>(nodes_.size());
      node = child.number;
      if (i + 1 == piece.size()) child.id = id;
    }
  }

  Match longest(std::string_view text) const {
    Match best;
    uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto* child = nodes_.find(key(node, text[i]));
      if (!child) break;
      node = child->number;
      if (child->id >= 0) best = {child->id, i + 1};
    }
    return best;
  }

 private:
  struct Node {
    uint32_t number = 0;  // the root is 0
    int32_t id = -1;      // of the piece that ends here
  };
  static uint64_t key(uint32_t node, char c) {
    return static_cast<uint64_t>(node) << 8 | static_cast<unsigned char>(c);
  }

  FlatMap<Node> nodes_;  // by the node before and a byte
};

}  // namespace storm
