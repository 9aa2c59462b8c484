// The sum of all processes' gradients, of which each process gets its own pieces (shards.h), and the way back: what
// each has made of its pieces, for all. Each piece is added by the process that it is for, in the order of ranks, so
// that no bit depends on when messages come. A process sends (N - 1) / N of the buffer on each way.
#pragma once

#include <span>
#include <vector>

#include "base/buffer.h"
#include "tensor/graph.h"
#include "tensor/parameters.h"
#include "train/replicas.h"
#include "train/shards.h"

namespace storm {

class GradientReduction {
 public:
  // All are borrowed. gradients: of each process, as long as the shards' buffer.
  GradientReduction(Replicas& replicas, const Shards& shards, std::span<float> gradients);

  void begin();  // of one update; together
  // The numbers from `first` on will change no more: whole buckets of them are sent.
  void complete_from(std::size_t first);
  void progress();  // messages only move while someone asks
  // All numbers count as complete. When it returns, this process's pieces hold the sums, and all others are zero.
  // Returns the norm of all sums.
  double finish();

  // Sends the values of this process's pieces to all, and gets theirs. Gradients are zero before and after.
  void share(const Parameters& parameters);

  // Of all updates: in finish(), for what backward did not hide, and in share().
  double finish_seconds() const { return finish_seconds_; }
  double share_seconds() const { return share_seconds_; }
  static std::size_t memory(const Shards& shards);  // bytes

 private:
  // A bucket whose pieces are on their way from the others.
  struct Arriving {
    std::size_t bucket;
    std::vector<Replicas::Message> messages;  // of each rank but this one
  };
  void receive_more();
  bool take_arrived();  // adds the oldest bucket if it is there
  void add(std::size_t bucket);
  void share(std::span<float> values);  // that lie as the gradients do
  std::span<float> room(std::size_t bucket, int from) const;

  Replicas& replicas_;
  const Shards& shards_;
  std::span<float> gradients_;
  Buffer memory_;                   // what comes: of kWindow buckets, a piece of each process
  std::size_t sent_ = 0;            // buckets from this one on were sent
  std::size_t expected_ = 0;        // buckets from this one on are expected, or were added
  std::vector<Arriving> arriving_;  // the oldest first
  std::vector<Replicas::Message> sending_;
  double finish_seconds_ = 0, share_seconds_ = 0;
};

// What each process keeps of its pieces, one after another, together on the first: all, in their places.
void gather_pieces(Replicas& replicas, const Shards& shards, std::span<const float> own, std::span<float> all);

// When the gradients of a graph's parameters are complete in backward, which goes through its nodes from the last to
// the first.
class GradientOrder {
 public:
  // The graph must have been recorded. gradients: the buffer that the parameters' gradients lie in.
  GradientOrder(const Graph& graph, std::span<const float> gradients);

  // From which number on all are complete, when backward has done this node and those behind it.
  std::size_t complete_from(int32_t node);

 private:
  struct Use {
    int32_t node;       // the first that uses the parameter
    std::size_t begin;  // where its gradient begins
  };
  std::vector<Use> uses_;  // by their places in the buffer, from its end
  std::size_t done_ = 0;   // so many of them are complete
  std::size_t first_;      // and all from this number on
};

}  // namespace storm
