#!/usr/bin/env bash
# cxxopts with allow_unrecognised_options takes --name=VALUE for an operand when VALUE holds a line end.
#
# Library: cxxopts 3.1.1 (Debian 12's libcxxopts-dev 3.1.1-1).
# Expectation: --text=VALUE and --text VALUE are the same for every VALUE; an option that it does not know, which
#   allow_unrecognised_options lets pass, is in unmatched(), where a program looks for it to refuse it in its own words.
# Behaviour: arguments are matched with std::regex, where . matches no line end. What begins with a dash and does not match is an
#   error without allow_unrecognised_options, and with it an operand: the option counts as not given, unmatched() is empty, and
#   a program that takes file names opens one of the option's own name. So does the short form with its value attached.
# Output seen:
#   --text VALUE: text [one|two], 0 operands, 0 unmatched
#   --text=VALUE: text not given, 1 operands, 0 unmatched [--text=one|two]
#   -t VALUE: text [one|two], 0 operands, 0 unmatched
#   -tVALUE: text not given, 1 operands, 0 unmatched [-tone|two]
#   --unknown=one: text not given, 0 operands, 1 unmatched
# For its users: look for operands that begin with a dash, or cut --name=VALUE into two arguments before parsing.
# Needs Debian 12 with g++. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -q libcxxopts-dev=3.1.1-1 >/dev/null 2>&1
dpkg -x libcxxopts-dev_*.deb package
cat >options.cc <<'CC'
#include <algorithm>
#include <cxxopts.hpp>
#include <iostream>

std::string on_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', '|');
  return "[" + text + "]";
}

int main(int argc, char** argv) {
  cxxopts::Options options("options");
  options.add_options()("t,text", "", cxxopts::value<std::string>())("files", "", cxxopts::value<std::vector<std::string>>());
  options.parse_positional("files");
  options.allow_unrecognised_options();
  const auto parsed = options.parse(argc, argv);
  std::cout << "text " << (parsed.count("text") ? on_one_line(parsed["text"].as<std::string>()) : "not given") << ", "
            << parsed.count("files") << " operands, " << parsed.unmatched().size() << " unmatched";
  if (parsed.count("files"))
    for (const auto& file : parsed["files"].as<std::vector<std::string>>()) std::cout << " " << on_one_line(file);
  std::cout << "\n";
}
CC
g++ -std=c++17 -Ipackage/usr/include options.cc -o options
value=$'one\ntwo'
seen=$(
  echo "--text VALUE: $(./options --text "$value")"
  echo "--text=VALUE: $(./options "--text=$value")"
  echo "-t VALUE: $(./options -t "$value")"
  echo "-tVALUE: $(./options "-t$value")"
  echo "--unknown=one: $(./options --unknown=one)"
)
echo "$seen"
diff <(sed -n 's/^#   \(-.*: text .*\)/\1/p' "$script") <(echo "$seen") && echo "as it was found"
