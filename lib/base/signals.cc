#include "base/signals.h"

#include <omp.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <initializer_list>

namespace storm {

namespace {
volatile std::sig_atomic_t caught = 0;
void remember(int signal) { caught = signal; }

// For this thread's handlers: oneDNN's generated kernels let the stack pointer point into a workspace on the heap while
// they run (uxlfoundation/oneDNN#4845, mended in 2026), so on the thread's own stack a signal would overwrite what lies
// below it there.
void give_handlers_their_stack() {
  static thread_local std::array<std::byte, std::size_t{64} << 10> memory;
  stack_t before{};
  if (::sigaltstack(nullptr, &before) == 0 && (before.ss_flags & SS_DISABLE) == 0) return;
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  ::sigaltstack(&stack, nullptr);
}
}  // namespace

void catch_stop_signals() {
#pragma omp parallel
  give_handlers_their_stack();
  struct sigaction action {};
  action.sa_handler = remember;
  sigemptyset(&action.sa_mask);
  // The second time the default action ends the process.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART | SA_ONSTACK;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;  // nohup: to outlive the terminal was asked for
    ::sigaction(signal, &action, nullptr);
  }
}

int stop_signal() { return caught; }

}  // namespace storm
