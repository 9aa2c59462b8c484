// Attention of pairs that several processes trace.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inspect/attention_tracer.h"
#include "train/packed_message.h"
#include "train/replicas.h"

namespace storm {

inline void put_maps(const AttentionMaps& maps, PackedMessage& message) {
  message.put(maps.sentence, maps.source, maps.target, maps.source_ids, maps.target_ids, maps.maps.size());
  for (const AttentionMap& m : maps.maps)
    message.put(static_cast<int32_t>(m.kind), m.layer, m.head, m.rows, m.cols, m.weights);
}

inline void take_maps(PackedMessage& message, const AttentionTracer::Take& take) {
  AttentionMaps maps;
  std::size_t count = 0;
  message.take(maps.sentence, maps.source, maps.target, maps.source_ids, maps.target_ids, count);
  std::vector<std::vector<float>> weights(count);
  maps.maps.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    AttentionMap& m = maps.maps[i];
    int32_t kind = 0;
    message.take(kind, m.layer, m.head, m.rows, m.cols, weights[i]);
    m.kind = static_cast<AttentionKind>(kind);
    m.weights = weights[i];
  }
  take(maps);
}

// The first process takes the maps of all pairs, in their order, of which each process traces a stretch. first: the
// number of the first pair.
inline void trace_shared(Replicas& replicas, std::span<const SentencePair> pairs, int64_t first, AttentionTracer& trace,
                         const AttentionTracer::Take& take) {
  const auto begin_of = [&](int rank) {
    return pairs.size() * static_cast<std::size_t>(rank) / static_cast<std::size_t>(replicas.size());
  };
  const auto begin = begin_of(replicas.rank());
  const auto own = pairs.subspan(begin, begin_of(replicas.rank() + 1) - begin);
  first += static_cast<int64_t>(begin);
  if (replicas.is_first()) {
    trace(own, first, take);
    for (int r = 1; r < replicas.size(); ++r)
      for (auto i = begin_of(r); i < begin_of(r + 1); ++i) {
        PackedMessage message(replicas.receive_bytes(r));
        take_maps(message, take);
      }
    return;
  }
  constexpr std::size_t kMostWaiting = std::size_t{64} << 20;  // bytes that wait here until the first one asks for them
  std::vector<PackedMessage> waiting;
  std::size_t bytes = 0;
  const auto send = [&] {
    for (PackedMessage& message : waiting) replicas.send_bytes(0, message.bytes());
    waiting.clear();
    bytes = 0;
  };
  trace(own, first, [&](const AttentionMaps& maps) {
    put_maps(maps, waiting.emplace_back());
    bytes += waiting.back().bytes().size();
    if (bytes > kMostWaiting) send();
  });
  send();
}

}  // namespace storm
