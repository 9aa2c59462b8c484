// The one thread pool: OpenMP. Work is split in the same way for the same thread count, so results do not vary.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>

namespace storm {

inline int64_t thread_count() { return omp_get_max_threads(); }
// Of the thread that asks, inside a parallel loop: below thread_count().
inline int64_t thread_number() { return omp_get_thread_num(); }

// Asks for so many threads, or (0) for as many as the environment says, and never for more than OpenMP will deliver
// (OMP_THREAD_LIMIT), nor for a number that changes from loop to loop (OMP_DYNAMIC): libraries that share the pool, as
// oneDNN's products, cut their work for the threads that they ask for and leave out what those that did not come had.
inline void set_thread_count(int64_t wanted) {
  int threads = wanted > 0 ? static_cast<int>(wanted) : omp_get_max_threads();
  if (wanted == 0 && omp_get_dynamic() != 0) threads = std::min(threads, omp_get_num_procs());
  omp_set_dynamic(0);
  omp_set_num_threads(std::clamp(threads, 1, std::max(omp_get_thread_limit(), 1)));
}

// Calls body(begin, end) for consecutive ranges that cover [0, n), one range for each thread that may be had, each (but
// the last) a multiple of grain long. An exception of any range is thrown again by the caller's thread. Nested calls
// run in place.
template <class Body>
void parallel_ranges(int64_t n, int64_t grain, Body&& body) {
  if (n <= 0) return;
  const int64_t blocks = (n + grain - 1) / grain;
  const int64_t threads = omp_in_parallel() ? 1 : std::min<int64_t>(omp_get_max_threads(), blocks);
  if (threads <= 1) return body(int64_t{0}, n);
  std::exception_ptr failure;
#pragma omp parallel num_threads(static_cast <int>(threads))
  // OpenMP may deliver fewer threads than were asked for (OMP_THREAD_LIMIT, OMP_DYNAMIC): each then takes several
  // ranges. The ranges stay those of the threads asked for, so that the bits do not depend on how many came.
  for (int64_t t = omp_get_thread_num(); t < threads; t += omp_get_num_threads()) {
    const int64_t begin = blocks * t / threads * grain, end = std::min(n, blocks * (t + 1) / threads * grain);
    try {
      if (begin < end) body(begin, end);
    } catch (...) {
#pragma omp critical(storm_parallel_failure)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// Calls body(i) for i in [0, n), handed out one by one: for items of uneven cost.
template <class Body>
void parallel_items(int64_t n, Body&& body) {
  if (n <= 1 || omp_in_parallel() || omp_get_max_threads() == 1) {
    for (int64_t i = 0; i < n; ++i) body(i);
    return;
  }
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t i = 0; i < n; ++i) {
    try {
      body(i);
    } catch (...) {
#pragma omp critical(storm_parallel_failure)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace storm
