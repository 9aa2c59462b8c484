// What a run brings from the host: ids, offsets, work lists. All of it is put into one page-locked piece of memory as
// the run is written down, and goes to the device in one copy before the run's first kernel. Two pieces in turn: the
// host fills one while the copy out of the other is on its way. On the device there is one, since copies and kernels
// are in one stream: it is overwritten when those who read it are done. So what is staged in the same order and sizes
// has the same addresses in every run.
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cuda/device_memory.h"

namespace storm::cuda {

inline uint64_t hash_of(const std::byte* from, std::size_t bytes) {
  uint64_t h = bytes;
  const auto mix = [&](uint64_t word) { h = (h ^ word) * 0x9E3779B97F4A7C15u, h ^= h >> 29; };
  uint64_t word = 0;
  for (; bytes >= sizeof word; from += sizeof word, bytes -= sizeof word) {
    std::memcpy(&word, from, sizeof word);
    mix(word);
  }
  word = 0;
  if (bytes > 0) std::memcpy(&word, from, bytes);
  mix(word);
  return h;
}

class Staging {
 public:
  // A run begins. Waits if the copy of the run before the last has not come yet.
  void begin() {
    if (slabs_.size() > 1) {  // the last run outgrew its slab: one that would have held it all
      std::size_t bytes = 0;
      for (const Slab& s : slabs_) bytes += s.device.size();
      slabs_.clear();
      slabs_.push_back(slab_of(bytes));
    }
    if (slabs_.empty()) slabs_.push_back(slab_of(kMiB));
    turn_ = 1 - turn_;
    for (Slab& s : slabs_) {
      if (s.sent[turn_]) s.sent[turn_]->wait();
      s.used = 0;
    }
    seen_.clear();
  }

  // Where a copy of host memory will be, which may change at once. What was staged before in this run is not sent
  // twice: the layers of a model read the same lists.
  const std::byte* add(const void* host, std::size_t bytes) {
    const auto* from = static_cast<const std::byte*>(host);
    const uint64_t hash = bytes >= kShared ? hash_of(from, bytes) : 0;
    if (bytes >= kShared)
      for (auto [it, end] = seen_.equal_range(hash); it != end; ++it)
        if (it->second.bytes == bytes && std::memcmp(it->second.host, host, bytes) == 0) return it->second.device;
    const std::size_t room = room_of(bytes);
    if (slabs_.back().used + room > slabs_.back().device.size())
      slabs_.push_back(slab_of(std::max(room, 2 * slabs_.back().device.size())));
    Slab& s = slabs_.back();
    const Piece piece{s.host[turn_].data() + s.used, s.device.data() + s.used, bytes};
    if (bytes > 0) std::memcpy(piece.host, host, bytes);
    s.used += room;
    if (bytes >= kShared) seen_.emplace(hash, piece);
    return piece.device;
  }

  // Queues the copies: one, unless the run outgrew its slab.
  void send(cudaStream_t stream) {
    for (Slab& s : slabs_) {
      if (s.used == 0) continue;
      check(cudaMemcpyAsync(s.device.data(), s.host[turn_].data(), s.used, cudaMemcpyHostToDevice, stream),
            "a copy to the device");
      if (!s.sent[turn_]) s.sent[turn_].emplace();
      s.sent[turn_]->record(stream);
    }
  }

 private:
  static constexpr std::size_t kShared = 64;  // bytes from which on it is worth looking for the same

  struct Slab {
    HostMemory host[2];
    Memory device;
    std::optional<Event> sent[2];
    std::size_t used = 0;
  };
  struct Piece {
    std::byte *host, *device;
    std::size_t bytes;
  };

  static Slab slab_of(std::size_t bytes) {
    Slab s;
    for (HostMemory& h : s.host) h = HostMemory(bytes);
    s.device = Memory(bytes, "staging");
    return s;
  }
  // In steps of a quarter of a power of two, so that lists that grow a little leave the others where they are.
  static std::size_t room_of(std::size_t bytes) {
    const std::size_t step = std::max(kAlign, std::bit_floor(std::max<std::size_t>(bytes, 1)) / 4);
    return (bytes + step - 1) / step * step;
  }

  std::vector<Slab> slabs_;
  int turn_ = 0;
  std::unordered_multimap<uint64_t, Piece> seen_;
};

// Large constants of floats, position tables in the main: they are the same in run after run, so each keeps a copy on
// the device, and one on the host by which a change is noticed. A table of which a run takes more or fewer rows is one.
class Tables {
 public:
  static constexpr std::size_t kSmallest = 16 * 1024;

  const std::byte* find(const void* host, std::size_t bytes, cudaStream_t stream) {
    auto it = std::ranges::find(tables_, host, &Table::host);
    if (it == tables_.end()) {
      if (tables_.size() == kMost) tables_.pop_back();
      it = tables_.insert(it, Table{host, {}, {}});
    }
    std::rotate(tables_.begin(), it, it + 1);  // the least recently used one is the last
    Table& t = tables_.front();
    if (bytes > t.device.size()) {
      t.seen.clear();
      t.device = Memory(std::bit_ceil(bytes), "a table");
    }
    const auto* from = static_cast<const std::byte*>(host);
    const std::size_t known = std::min(bytes, t.seen.size());
    const bool same = known > 0 && std::memcmp(t.seen.data(), from, known) == 0;
    if (same && known == bytes) return t.device.data();
    const std::size_t begin = same ? known : 0;
    t.seen.resize(begin);
    t.seen.insert(t.seen.end(), from + begin, from + bytes);
    // Out of ordinary memory: it has been read when this returns.
    check(cudaMemcpyAsync(t.device.data() + begin, from + begin, bytes - begin, cudaMemcpyHostToDevice, stream),
          "a copy to the device");
    return t.device.data();
  }

 private:
  static constexpr std::size_t kMost = 8;
  struct Table {
    const void* host;
    std::vector<std::byte> seen;  // what the device has
    Memory device;
  };
  std::vector<Table> tables_;
};

}  // namespace storm::cuda
