// What a tool says while it works, on standard error: log lines and a progress line. Results never go here.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace storm {

void set_log_name(std::string_view tool);  // the prefix of every line
void set_quiet(bool quiet);                // no progress and no notes; warnings and errors are still printed
bool quiet();

std::string logged(std::string_view text);  // the whole line that says the text

void log_line(std::string_view text);    // unless quiet
void warn_line(std::string_view text);   // always
void error_line(std::string_view text);  // always

template <class... Parts>
void note(const Parts&... parts) {
  if (!quiet()) log_line(str(parts...));
}

template <class... Parts>
void warn(const Parts&... parts) {
  warn_line(str(parts...));
}

// One line, redrawn in place on a terminal (at most ten times a second), with rate and time left; elsewhere silent,
// since a tool's plain log lines say the same in a form that scripts can read.
class Progress {
 public:
  Progress(std::string what, uint64_t total);  // total 0: unknown
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void set(uint64_t done, std::string_view extra = {});

 private:
  std::string what_;
  uint64_t total_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

// Seconds since some fixed moment.
double monotonic_seconds();
// The most memory this process has held, in MiB.
double peak_mib();

}  // namespace storm
