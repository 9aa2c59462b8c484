#include "base/signals.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "cpu/gemm.h"
#include "tests/catch.h"

using namespace storm;

// A thread that works in a kernel of the BLAS is where a signal hurts: see give_handlers_their_stack().
TEST_CASE("a stop signal in the midst of a product leaves the heap alone") {
  constexpr int64_t m = 64, n = 48, k = 1536;  // long sums: then oneDNN takes its workspace from the heap
  const std::vector<float> a(m * k, 1.0f), b(k * n, 0.5f);
  const auto product = [&] {
    std::vector<float> c(m * n);
    gemm(false, false, m, n, k, 1, a.data(), k, b.data(), n, 0, c.data(), n);
    return c;
  };
  const auto wanted = product();
  const auto worker = pthread_self();
  for (int round = 0; round < 40; ++round) {
    catch_stop_signals();
    std::atomic<bool> begun = false, sent = false;
    std::thread sender([&] {
      for (int pause = round % 40; !begun || pause > 0; --pause) std::this_thread::yield();
      pthread_kill(worker, SIGTERM);
      sent = true;
    });
    begun = true;
    int64_t wrong = 0;
    while (!sent) {
      // Neighbours on the heap, one of which a frame on the wrong stack would hit.
      std::vector<std::unique_ptr<std::vector<char>>> others;
      for (int i = 0; i < 8; ++i) others.push_back(std::make_unique<std::vector<char>>(600, 'x'));
      wrong += product() != wanted;
      for (const auto& o : others) wrong += *o != std::vector<char>(600, 'x');
    }
    sender.join();
    REQUIRE(wrong == 0);
    REQUIRE(stop_signal() == SIGTERM);
  }
}
