// Work on all threads that needs random numbers drawn in one order.
#pragma once

#include <omp.h>

#include <cstdint>
#include <mutex>

#include "base/parallel.h"

namespace storm {

// Hands out pieces of work in order to all threads: draw(piece, buffer) runs for one at a time, so that the random
// numbers come in the order of the pieces, and work(piece, buffer) for several at once. Each thread has a buffer, and
// ends with finish(buffer).
template <class Buffer, class Draw, class Work, class Finish>
void drawn_in_order(int64_t pieces, Draw draw, Work work, Finish finish) {
  std::mutex turn;
  int64_t next = 0;
  parallel_items(omp_get_max_threads(), [&](int64_t) {
    Buffer buffer;
    while (true) {
      int64_t piece;
      {
        const std::lock_guard lock(turn);
        if (next == pieces) break;
        piece = next++;
        draw(piece, buffer);
      }
      work(piece, buffer);
    }
    finish(buffer);
  });
}

}  // namespace storm
