#include "base/signals.h"

#include <csignal>
#include <initializer_list>

namespace storm {

namespace {
volatile std::sig_atomic_t caught = 0;
void remember(int signal) { caught = signal; }
}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = remember;
  sigemptyset(&action.sa_mask);
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;  // the second time the default action ends the process
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;  // nohup: to outlive the terminal was asked for
    ::sigaction(signal, &action, nullptr);
  }
}

int stop_signal() { return caught; }

}  // namespace storm
