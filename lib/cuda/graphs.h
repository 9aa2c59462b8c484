// Runs that were queued before, as CUDA graphs: one call in place of hundreds. A run is replayed only where its
// launches equal those that were captured to the last argument, addresses included; what differs from batch to batch
// lies in memory that the staging copy fills (ids, lists, the batch's number). So a replay does what queueing would
// have done.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdlib>
#include <list>

#include "cuda/device_memory.h"
#include "cuda/launches.h"

namespace storm::cuda {

class Graphs {
 public:
  // A run of few launches gains nothing. CUDA_LAUNCH_BLOCKING asks which kernel fails: a graph could not tell.
  Graphs() : on_(!std::getenv("CUDA_LAUNCH_BLOCKING")) {}

  // Queues what was written down: as it is, the second time it is met by capturing it first, then by replaying it.
  void submit(const Launches& launches, cudaStream_t stream) {
    if (!on_ || launches.size() < kFewest) return launches.submit(stream);
    const uint64_t hash = launches.hash();
    for (auto it = graphs_.begin(); it != graphs_.end(); ++it)
      if (it->hash == hash && it->launches == launches) {
        graphs_.splice(graphs_.begin(), graphs_, it);  // the least recently used one is the last
        return replay(*it, stream);
      }
    if (std::ranges::find(met_, hash) == std::end(met_)) {
      met_[next_++ % std::size(met_)] = hash;
      return launches.submit(stream);
    }
    if (Graph graph = captured(launches, hash, stream); graph.executable) {
      if (graphs_.size() == kMost) graphs_.pop_back();
      graphs_.push_front(std::move(graph));
      return replay(graphs_.front(), stream);
    }
    on_ = false;  // something here cannot be captured: it never can
    launches.submit(stream);
  }
  int64_t replays() const { return replays_; }

 private:
  static constexpr std::size_t kMost = 64, kFewest = 8;

  struct Graph {
    uint64_t hash = 0;
    Launches launches;
    cudaGraphExec_t executable = nullptr;

    Graph() = default;
    Graph(Graph&& o) noexcept
        : hash(o.hash), launches(std::move(o.launches)), executable(std::exchange(o.executable, nullptr)) {}
    ~Graph() {
      if (executable) cudaGraphExecDestroy(executable);  // it may still run: it goes when it is done
    }
  };

  void replay(const Graph& graph, cudaStream_t stream) {
    check(cudaGraphLaunch(graph.executable, stream), "a replay");
    ++replays_;
  }

  // Without an executable where it cannot be captured; nothing is queued then.
  static Graph captured(const Launches& launches, uint64_t hash, cudaStream_t stream) {
    Graph made;
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess)
      return cudaGetLastError(), Graph();
    bool whole = true;
    try {
      launches.submit(stream);
    } catch (const Error&) {
      whole = false;
    }
    cudaGraph_t graph = nullptr;
    whole = cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph && whole;
    if (whole && cudaGraphInstantiate(&made.executable, graph, 0) != cudaSuccess) made.executable = nullptr;
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();  // or the next call would report what failed
    made.hash = hash;
    made.launches = launches;
    return made;
  }

  bool on_;
  std::list<Graph> graphs_;
  uint64_t met_[256] = {};  // the hashes of the last runs that had no graph
  std::size_t next_ = 0;
  int64_t replays_ = 0;
};

}  // namespace storm::cuda
