// A handler only sets a flag; the loop that owns the state polls it, saves, and leaves with 128 + signal.
#pragma once

namespace storm {

void catch_stop_signals();  // SIGINT, SIGTERM, SIGHUP and SIGUSR1 (which launchers pass on) set the flag; a second one
                            // ends the process at once
int stop_signal();          // 0, or the signal that came

}  // namespace storm
