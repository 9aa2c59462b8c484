// A stop signal sets the flag, once.
#include "base/signals.h"

#include <csignal>

#include "tests/catch.h"

using namespace storm;

TEST_CASE("a caught signal is remembered, and a second one finds the default action again") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(signal, SIG_DFL);  // under nohup, SIGHUP is ignored, and is then left so
    catch_stop_signals();
    std::raise(signal);
    CHECK(stop_signal() == signal);
    struct sigaction now {};
    ::sigaction(signal, nullptr, &now);
    CHECK(now.sa_handler == SIG_DFL);
  }
}
