// The flags of bleu and f1 that are about several systems and statistical tests, and what they make of scores.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "metrics/report.h"
#include "metrics/resampling.h"
#include "tools/bleu_flags.h"
#include "tools/cli.h"

namespace storm {

inline std::string lower_ascii(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}

struct Seed {
  std::string text;  // as signatures have it
  uint64_t value;
};
// variable: of the environment, asked where the flag is not given; null: none.
inline Seed seed_of(const Args& args, const char* variable) {
  const char* set = variable ? std::getenv(variable) : nullptr;
  const std::string text = lower_ascii(args.given("seed") ? args.text("seed") : set ? set : "12345");
  if (text == "none") return {text, uint64_t{std::random_device()()} << 32 | std::random_device()()};
  const auto value = parse_number<uint64_t>(text);
  if (!value) throw UsageError(str("the seed '", text, "' is neither a whole number from 0 up nor none"));
  return {text, *value};
}

// Systems in the order given; a paired test's baseline may be named again, and is then left out.
inline std::vector<std::string> inputs_of(const Args& args, bool paired) {
  std::vector<std::string> paths;
  for (const auto& path : list_values(args.text("input"))) {
    if (std::ranges::count(paths, path) == 0)
      paths.push_back(path);
    else if (!paired || path != paths[0])
      throw UsageError(str("--input names ", path, " twice"));
  }
  return paths;
}

inline std::vector<std::string> names_of(const std::vector<std::string>& paths, std::size_t num_systems, bool paired) {
  std::vector<std::string> names = paths;
  for (std::size_t s = paths.size(); s < num_systems; ++s)
    names.push_back(paired && s == 0 ? "Baseline" : str("System ", s + (paired ? 0 : 1)));
  if (paired && !paths.empty()) names[0] = "Baseline: " + names[0];
  return names;
}

// What was asked for: at most one of the three.
struct Tests {
  bool confidence = false, resampling = false, randomization = false;
  int64_t samples = 0;
  bool paired() const { return resampling || randomization; }
};
inline Tests tests_of(const Args& args) {
  if (args.on("paired-ar") && args.on("paired-bs")) throw UsageError("--paired-ar and --paired-bs exclude each other");
  Tests tests{args.on("confidence"), args.on("paired-bs"), args.on("paired-ar")};
  for (const auto flag : {"confidence-n", "paired-ar-n", "paired-bs-n"}) args.integer(flag, 1, INT32_MAX);
  tests.samples = tests.randomization ? args.integer("paired-ar-n", 1, INT32_MAX)
                  : tests.resampling  ? args.integer("paired-bs-n", 1, INT32_MAX)
                                      : args.integer("confidence-n", 2, INT32_MAX);
  return tests;
}
inline void check(const Tests& tests, bool several) {
  if (tests.paired() && !several) throw UsageError("a paired test needs several systems: --input BASELINE SYSTEM...");
  if (several && tests.confidence) throw UsageError("--confidence is for one system; use a paired test");
}

// A metric's scores by system with what the tests say of them: drawn by system, of the bootstrap; p by system, of a
// paired test.
inline Column tested(const Tests& tests, const Seed& seed, Signature signature, const std::vector<Score>& scores,
                     const std::vector<Samples>& drawn, const std::vector<double>& p) {
  Column column{std::move(signature), {}};
  if (tests.paired() || tests.confidence) {
    const std::string kind = tests.randomization ? "ar" : "bs";
    column.signature.fields.insert(column.signature.fields.begin() + 1,
                                   {{kind, kind, std::to_string(tests.samples)}, {"seed", "rs", seed.text}});
  }
  for (std::size_t s = 0; s < scores.size(); ++s) {
    Outcome outcome{scores[s], {}};
    if (tests.confidence) outcome.score.confidence = confidence(drawn[s]);
    if (tests.resampling) outcome.score.confidence = paired_confidence(drawn[s]);
    if (tests.paired() && s > 0) outcome.p_value = p[s];
    column.outcomes.push_back(outcome);
  }
  return column;
}

}  // namespace storm
