// Errors: one line that says what failed, where (file, line, byte) and what to do. Thrown, caught once in a tool's
// main.
#pragma once

#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

namespace storm {

// The work failed: exit code 1.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The command line is wrong: exit code 2.
struct UsageError : Error {
  using Error::Error;
};

// Whoever read our output has gone: the tool ends quietly with 128 + SIGPIPE.
struct ClosedPipe : Error {
  using Error::Error;
};

// What failed was said already: the tool ends with exit code 1 in silence.
struct Reported : Error {
  using Error::Error;
};

// Parts joined into one string; numbers are written the same way under every locale.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // a failed allocation is thrown on, instead of cutting the text short
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return std::move(out).str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(str(parts...));
}

template <class... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]]
    throw Error(str(parts...));
}

}  // namespace storm
