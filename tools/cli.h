// What every tool's main shares: flags, help, version, errors, exit codes, --stats.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/number.h"
namespace storm {

class Device;
class Output;

struct Flag {
  std::string name;  // "beam" or with a short form "b,beam"
  // What its value is called in the help ("N"); empty for a switch; "[yes|no]" for a switch that can be turned off:
  // --flag, --flag=no.
  std::string value;
  std::string preset;  // the default, as text; empty: none
  std::string help;
  std::string heading = {};  // what the help says above it; empty: it goes on under the heading before
};

// Of "b,beam": "beam".
std::string long_name(const std::string& name);

// Puts headings above flags that a list has, each given as (flag, heading).
void put_headings(std::vector<Flag>& flags, const std::vector<std::pair<std::string, std::string>>& headings);

// Flags that mean the same in each tool that has them; -h, --version, -q and --stats are always there.
enum Common : unsigned { kThreads = 1, kDevice = 2, kSeed = 4 };

struct Tool {
  std::string name, summary;
  std::string examples;  // shown first in the help
  unsigned common = 0;
  std::vector<Flag> flags;
  std::string operands;  // what follows the flags, for the help: "FILE..."; empty: none are taken
};

class Args {
 public:
  bool given(std::string_view flag) const;  // on the command line, not by default
  // A switch; of "[yes|no]", whether it is yes.
  bool on(std::string_view flag) const;
  const std::string& text(std::string_view flag) const;                // the last, where it is given several times
  const std::vector<std::string>& texts(std::string_view flag) const;  // each, in their order; none by default
  int64_t integer(std::string_view flag, int64_t least, int64_t most) const;  // throws UsageError outside the range
  double real(std::string_view flag, double least, double most) const;        // both ends are allowed; never NaN
  // One of the words that the flag may take, else UsageError.
  std::string choice(std::string_view flag, const std::vector<std::string>& words) const;
  // The same command line, but for flags that it leaves out, which take these values instead of their own defaults: an
  // object of flags, of which a list is one that is given several times. They do not count as given.
  Args with_defaults(const nlohmann::json& flags) const;
  // The same command line, but for a flag's texts, one at least.
  Args with_texts(const std::string& flag, const std::vector<std::string>& texts) const {
    Args changed = *this;
    changed.values_[flag] = texts.back();
    changed.texts_[flag] = texts;
    return changed;
  }
  // What --device names: null is the CPU. Throws Error that says what is missing; a note says which one it is.
  std::unique_ptr<Device> device() const;
  const std::vector<std::string>& operands() const { return operands_; }
  const std::string& command() const { return command_; }  // the whole command line, for a stream's metadata

  // Of several processes of a machine, the place-th: what --device auto goes by.
  void set_place(int place) const { *place_ = place; }
  void silence() const { *prints_stats_ = false; }  // of several processes: another one prints --stats

  // A figure for the --stats line, printed when the tool ends; exact: with all its digits, otherwise with three behind
  // the point.
  void stat(const std::string& key, double value, bool exact = false) const {
    const bool whole = value == std::floor(value);
    (*stats_)[key] = !std::isfinite(value) ? "null" : exact && !whole ? shortest(value) : fixed(value, whole ? 0 : 3);
  }

 private:
  friend int run_tool(const Tool&, int, const char* const*, const std::function<void(const Args&)>&);
  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, bool, std::less<>> given_;
  std::map<std::string, std::vector<std::string>, std::less<>> texts_;
  std::vector<std::string> operands_;
  std::string command_;
  // One for all copies: with_defaults() makes another command line of the same run.
  std::shared_ptr<std::map<std::string, std::string>> stats_ = std::make_shared<std::map<std::string, std::string>>();
  std::shared_ptr<int> place_ = std::make_shared<int>(0);
  std::shared_ptr<bool> prints_stats_ = std::make_shared<bool>(true);
};

// A flag of another mode is a misunderstanding, and not to be passed over in silence: throws UsageError for one that is
// given. mode: what it has no meaning with, "--learn".
void refuse_flags(const Args& args, std::string_view mode, const std::vector<std::string>& flags);

// A stream is no text: throws UsageError when this output is a terminal.
void refuse_terminal(const Output& output);

// Parses, runs the body, reports what it throws, and returns the exit code: 0, 1, 2, or 128 + signal.
int run_tool(const Tool& tool, int argc, const char* const* argv, const std::function<void(const Args&)>& body);

}  // namespace storm
