#include "tools/cli.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#define CXXOPTS_VECTOR_DELIMITER '\0'  // an operand is a file's name, commas and all
#include <cxxopts.hpp>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/signals.h"
#include "base/version.h"
#include "tensor/open_device.h"
#include "text/utf8.h"

namespace storm {

namespace {

// What nobody catches: memory that lacks before run_tool begins, or where code may not throw.
[[noreturn]] void end_in_words() {
  std::string_view what = "ended by an error that nobody expected";
  try {
    if (const auto error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    what = "out of memory";
  } catch (...) {
  }
  std::fprintf(stderr, "%s: %.*s\n", ::program_invocation_short_name, static_cast<int>(what.size()), what.data());
  std::_Exit(1);
}
[[maybe_unused]] const auto terminate_before = std::set_terminate(end_in_words);

std::vector<Flag> all_flags(const Tool& tool) {
  auto flags = tool.flags;
  const auto own = flags.size();
  if (tool.common & kThreads) flags.push_back({"threads", "N", "0", "threads to use (0: one per core)"});
  if (tool.common & kDevice)
    flags.push_back(
        {"device", "NAME", "auto", "where it computes: cpu, cuda, cuda:N, or auto: the first device, if there is one"});
  if (tool.common & kSeed) flags.push_back({"seed", "N", "1", "seed of all random numbers"});
  flags.push_back({"q,quiet", "", "", "no notes and no progress, warnings and errors only"});
  flags.push_back({"stats", "", "", "end with one JSON line of figures on standard error"});
  flags.push_back({"version", "", "", "print the version and exit"});
  flags.push_back({"h,help", "", "", "print this help and exit"});
  if (std::ranges::any_of(tool.flags, [](const Flag& f) { return !f.heading.empty(); }))
    flags[own].heading = "Machine and messages";
  return flags;
}

std::string help_text(const Tool& tool) {
  std::string text = tool.name + ": " + tool.summary + "\n\nExamples:\n" + tool.examples + "\nFlags:\n";
  std::size_t width = 0;
  std::vector<std::string> left;
  for (const Flag& f : all_flags(tool)) {
    const auto comma = f.name.find(',');
    std::string names = comma == std::string::npos ? "    --" + f.name
                                                   : "-" + f.name.substr(0, comma) + ", --" + f.name.substr(comma + 1);
    if (!f.value.empty()) names += " " + f.value;
    width = std::max(width, names.size());
    left.push_back(std::move(names));
  }
  std::size_t i = 0;
  for (const Flag& f : all_flags(tool)) {
    if (!f.heading.empty()) text += str(i > 0 ? "\n" : "", " ", f.heading, ":\n");
    text += "  " + left[i] + std::string(width - left[i].size() + 2, ' ') + f.help;
    if (!f.preset.empty()) text += " [" + f.preset + "]";
    text += "\n";
    ++i;
  }
  if (!tool.operands.empty()) text += "Operands: " + tool.operands + "\n";
  return text;
}

void print_stats(const std::map<std::string, std::string>& stats) {
  std::string line = "{";
  for (const auto& [key, value] : stats) {
    if (line.size() > 1) line += ", ";
    line += "\"" + key + "\": " + value;
  }
  std::cerr << line << "}\n";
}

// Shells quote what they must; this does it for every operand that is not plain.
std::string join_command(int argc, const char* const* argv) {
  std::string all;
  for (int i = 0; i < argc; ++i) {
    std::string word = argv[i];
    if (i == 0) word = word.substr(word.rfind('/') + 1);
    if (word.find_first_of(" \t\n\"'\\$`*?<>|&;()#~!{}[]") != std::string::npos || word.empty()) {
      for (std::size_t at = 0; (at = word.find('\'', at)) != std::string::npos; at += 4) word.replace(at, 1, "'\\''");
      word = "'" + word + "'";
    }
    all += (i ? " " : "") + word;
  }
  return replace_invalid_utf8(all);  // a file may have any name, but what a stream's header says is UTF-8
}

// The command line as cxxopts can read it: --name=value as two words, since its pattern for one has no line ends in a
// value; and "--name yes" as one word where the value may be left out, since it would take the second for an operand.
std::vector<std::string> readable(const std::vector<Flag>& flags, int argc, const char* const* argv) {
  std::vector<std::string> words(argv, argv + argc);
  for (std::size_t i = 1; i < words.size() && words[i] != "--"; ++i) {
    const std::string word = words[i];
    const auto equals = word.find('=');
    for (const Flag& f : flags) {
      const std::string name = "--" + long_name(f.name);
      const auto next = words.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      if (f.value == "[yes|no]" && word == name && next != words.end() && (*next == "yes" || *next == "no")) {
        words[i] += "=" + *next;
        words.erase(next);
        break;
      }
      if (!f.value.empty() && !f.value.starts_with('[') && equals != word.npos && word.substr(0, equals) == name) {
        words[i] = name;
        words.insert(next, word.substr(equals + 1));
        ++i;  // the value is not read as a flag
        break;
      }
    }
  }
  return words;
}

// A file that is opened while a standard stream is closed would take its place, and be written to or read instead of
// it. What stands there from here on fails as the closed one would have.
void occupy_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace

std::string long_name(const std::string& name) { return name.substr(name.find(',') + 1); }

void put_headings(std::vector<Flag>& flags, const std::vector<std::pair<std::string, std::string>>& headings) {
  for (const auto& [name, heading] : headings)
    std::ranges::find(flags, name, [](const Flag& f) { return long_name(f.name); })->heading = heading;
}

bool Args::given(std::string_view flag) const { return given_.find(flag) != given_.end(); }
bool Args::on(std::string_view flag) const {
  const auto value = values_.find(flag);
  return value == values_.end() ? given(flag) : value->second == "yes";
}

Args Args::with_defaults(const nlohmann::json& flags) const {
  Args args = *this;
  const auto text_of = [](const nlohmann::json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  for (const auto& [flag, value] : flags.items()) {
    if (given(flag)) continue;
    auto& all = args.texts_[flag];
    all.clear();
    if (value.is_array())
      for (const auto& one : value) all.push_back(text_of(one));
    else
      all.push_back(text_of(value));
    args.values_[flag] = all.empty() ? "" : all.back();
  }
  return args;
}

const std::string& Args::text(std::string_view flag) const {
  static const std::string none;
  const auto it = values_.find(flag);
  return it == values_.end() ? none : it->second;
}

const std::vector<std::string>& Args::texts(std::string_view flag) const {
  static const std::vector<std::string> none;
  const auto it = texts_.find(flag);
  return it == texts_.end() ? none : it->second;
}

int64_t Args::integer(std::string_view flag, int64_t least, int64_t most) const {
  const auto value = parse_number<int64_t>(text(flag));
  if (!value || *value < least || *value > most)
    throw UsageError(most == INT64_MAX
                         ? str("--", flag, ": '", text(flag), "' is not a whole number from ", least, " up")
                         : str("--", flag, ": '", text(flag), "' is not a whole number from ", least, " to ", most));
  return *value;
}

double Args::real(std::string_view flag, double least, double most) const {
  const auto value = parse_number<double>(text(flag));
  if (!value || !(*value >= least && *value <= most))
    throw UsageError(str("--", flag, ": '", text(flag), "' is not a number from ", least, " to ", most));
  return *value;
}

std::string Args::choice(std::string_view flag, const std::vector<std::string>& words) const {
  std::string list;
  for (const auto& word : words) {
    if (word == text(flag)) return word;
    list += (list.empty() ? "" : ", ") + word;
  }
  throw UsageError(str("--", flag, ": '", text(flag), "' is none of ", list));
}

std::unique_ptr<Device> Args::device() const {
  auto device = open_device(text("device"), *place_);
  if (device) note("on ", device->description());
  return device;
}

void refuse_flags(const Args& args, std::string_view mode, const std::vector<std::string>& flags) {
  for (const auto& flag : flags)
    if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning with ", mode));
}

void refuse_terminal(const Output& output) {
  if (output.name() == "standard output" && ::isatty(STDOUT_FILENO))
    throw UsageError("standard output is a terminal, and a stream is no text; use a pipe or -o FILE");
}

int run_tool(const Tool& tool, int argc, const char* const* argv, const std::function<void(const Args&)>& body) {
  const double start = monotonic_seconds();
  set_log_name(tool.name);
  occupy_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is a failed write, which says what happened
  try {
    const auto flags = all_flags(tool);
    cxxopts::Options options(tool.name);
    for (const Flag& f : flags) {
      auto value = f.value.empty() ? cxxopts::value<bool>() : cxxopts::value<std::vector<std::string>>();
      if (f.value.starts_with('[')) value->implicit_value("yes");
      options.add_options()(f.name, f.help, value);
    }
    options.add_options()("operands", "", cxxopts::value<std::vector<std::string>>());
    options.parse_positional("operands");

    Args args;
    args.command_ = join_command(argc, argv);
    try {
      const auto words = readable(flags, argc, argv);
      std::vector<const char*> pointers;
      for (const auto& word : words) pointers.push_back(word.c_str());
      const auto parsed = options.parse(static_cast<int>(pointers.size()), pointers.data());
      for (const Flag& f : flags) {
        const auto name = long_name(f.name);
        if (!f.value.empty()) args.values_[name] = f.preset;
        if (parsed.count(name) == 0) continue;
        if (f.value.empty() && !parsed[name].as<bool>()) continue;
        args.given_[name] = true;
        if (f.value.empty()) continue;
        args.texts_[name] = parsed[name].as<std::vector<std::string>>();
        args.values_[name] = args.texts_[name].back();
      }
      if (parsed.count("operands")) args.operands_ = parsed["operands"].as<std::vector<std::string>>();
    } catch (const cxxopts::exceptions::exception& e) {
      throw UsageError(str(e.what(), "; see ", tool.name, " --help"));
    }
    if (args.given("help") || args.given("version")) {
      Output out("-");
      out.write(args.given("help") ? help_text(tool) : tool.name + " (STORM) " + kVersion + "\n");
      out.commit();
      return 0;
    }
    if (tool.operands.empty() && !args.operands_.empty())
      throw UsageError(str("unexpected operand '", args.operands_[0], "'; see ", tool.name, " --help"));
    std::error_code ignored;
    if (args.given("model") && args.given("save"))
      for (const auto& model : args.texts("model"))
        if (std::filesystem::equivalent(model, args.text("save"), ignored))
          throw UsageError(str("-o: ", args.text("save"), " is the model itself; give it another name"));
    set_quiet(args.given("quiet"));
    set_thread_count(tool.common & kThreads ? args.integer("threads", 0, 4096) : 0);
    if (tool.common & kDevice) device_number(args.text("device"));  // a wrong name is known before any work is done

    body(args);
    if (args.given("stats") && *args.prints_stats_) {
      args.stat("seconds", monotonic_seconds() - start);
      args.stat("peak_MiB", peak_mib());
      print_stats(*args.stats_);
    }
    return stop_signal() ? 128 + stop_signal() : 0;
  } catch (const ClosedPipe&) {
    return 128 + SIGPIPE;
  } catch (const Reported&) {
    return 1;
  } catch (const UsageError& e) {
    error_line(e.what());
    return 2;
  } catch (const std::bad_alloc&) {
    // Where one allocation failed, that of a message may fail, too; this has none.
    std::fprintf(stderr, "%s: out of memory\n", tool.name.c_str());
    return 1;
  } catch (const std::exception& e) {
    error_line(e.what());
    return 1;
  }
}

}  // namespace storm
