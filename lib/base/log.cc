#include "base/log.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <iomanip>

#include "base/printable.h"

namespace storm {

namespace {

std::string log_name = "storm";
bool is_quiet = false;
bool line_is_open = false;  // a progress line stands on the terminal

void print(std::string_view text) {
  const std::string line = (line_is_open ? "\r\033[K" : "") + logged(text);
  line_is_open = false;
  std::fwrite(line.data(), 1, line.size(), stderr);  // one write, so that lines of several processes do not mix
}

std::string clock_time(double seconds) {
  const auto s = static_cast<uint64_t>(seconds);
  std::ostringstream out;
  out << std::setfill('0') << s / 3600 << ':' << std::setw(2) << s / 60 % 60 << ':' << std::setw(2) << s % 60;
  return out.str();
}

}  // namespace

std::string logged(std::string_view text) {
  return log_name + ": " + printable(text) + '\n';  // names out of a file may hold anything
}
void set_log_name(std::string_view tool) { log_name = tool; }
void set_quiet(bool quiet) { is_quiet = quiet; }
bool quiet() { return is_quiet; }
void log_line(std::string_view text) {
  if (!is_quiet) print(text);
}
void warn_line(std::string_view text) { print(str("warning: ", text)); }
void error_line(std::string_view text) { print(text); }

Progress::Progress(std::string what, uint64_t total)
    : what_(std::move(what)), total_(total), start_(std::chrono::steady_clock::now()), last_(start_) {
  shown_ = !is_quiet && ::isatty(STDERR_FILENO);
}

Progress::~Progress() {
  if (!shown_ || !line_is_open) return;
  std::fputs("\r\033[K", stderr);
  line_is_open = false;
}

void Progress::set(uint64_t done, std::string_view extra) {
  const auto now = std::chrono::steady_clock::now();
  if (!shown_ || (now - last_ < std::chrono::milliseconds(100) && done != total_)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string line = str("\r\033[K", what_, " ", done);
  if (total_) line += str("/", total_, " (", done * 100 / total_, "%)");
  line += str(", ", static_cast<uint64_t>(rate), "/s");
  if (total_ && rate > 0) line += str(", ", clock_time(static_cast<double>(total_ - done) / rate), " left");
  if (!extra.empty()) line += str(", ", extra);
  std::fwrite(line.data(), 1, line.size(), stderr);
  line_is_open = true;
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace storm
