// What a piece of work that must fail says.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"
#include "tests/catch.h"

namespace storm::test {

// The message of the Error that it throws; empty when it throws none.
template <class Work>
std::string error_of(Work&& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// Whether it throws an Error whose message holds each of these.
template <class Work>
bool refused(Work&& work, std::initializer_list<std::string_view> parts) {
  const std::string message = error_of(work);
  const bool all =
      !message.empty() && std::ranges::all_of(parts, [&](auto p) { return message.find(p) != message.npos; });
  if (!all) UNSCOPED_INFO(message);
  return all;
}

}  // namespace storm::test
