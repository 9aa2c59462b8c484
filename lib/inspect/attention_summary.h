// What each head does, in numbers, over a whole input, in the memory of the table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inspect/attention_maps.h"

namespace storm {

// Means over all rows of all sentences; row i stands at position i of its side, key j at position j of its own. Rows of
// a cross map count as the target piece that they predict, so that a head that goes word by word through the source
// shows under `same`. Pooling's query stands at position 0.
struct HeadSummary {
  AttentionKind kind = AttentionKind::cross;
  int64_t layer = 0, head = 0;              // from 0
  int64_t rows = 0;                         // what the sums are over
  double entropy = 0;                       // nats: - sum over j of p log p
  double distance = 0;                      // sum over j of p |i - j|
  double previous = 0, same = 0, next = 0;  // the weight of key i - 1, i, i + 1; 0 where there is no such key
  double first = 0;                         // of key 0; in a decoder's map that is BOS
  double uniform = 0;                       // the most entropy there can be: of all keys that a row sees alike
  double end = 0;  // of the source's EOS, the last key; a decoder's map, which has no EOS, gives 0
};

class AttentionSummary {
 public:
  void add(const AttentionMaps& maps);  // probabilities; the same kinds, layers and heads each time
  // Sums, by kind, layer and head, as the maps are.
  const std::vector<HeadSummary>& heads() const { return heads_; }
  std::string table() const;  // tab-separated values with a header; layers and heads from 1, means

 private:
  std::vector<HeadSummary> heads_;
};

}  // namespace storm
