// Beam search written down plainly, apart from the library's, for tests to compare with.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "decode/translate.h"
#include "tests/catch.h"
#include "tests/decode/toy_model.h"

namespace storm::test {

constexpr int32_t kEos = 3;

struct Found {
  Ids ids;
  double log_prob = 0, score = 0;
};

// The definitions of LengthNorm (decode/translate.h), written apart from the library's.
inline double normalised(double log_prob, std::size_t length, const DecodeOptions& o, bool eos = true) {
  const auto y = static_cast<double>(length);
  switch (o.length_norm) {
    case LengthNorm::gnmt:
      return log_prob / std::pow((5.0 + y) / 6.0, o.length_penalty);
    case LengthNorm::power_eos:
      return log_prob / std::pow(eos ? y + 1 : y, o.length_penalty);
    case LengthNorm::power:
      break;
  }
  return length == 0 ? log_prob : log_prob / std::pow(y, o.length_penalty);
}

inline void best_first(std::vector<Found>& all) {
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.score > b.score; });
}

// Beam search as it is defined, with every continuation written down and sorted.
struct Never {
  bool operator()(const Ids&) const { return false; }
};

// log_probs(written): of each id that may follow. ends(written): whether its last id ends it, as EOS does.
template <class LogProbs, class Ends = Never>
std::vector<Found> plain_beam_search(LogProbs&& log_probs, const Ids& prefix, const DecodeOptions& o,
                                     Ends&& ends = {}) {
  std::vector<Found> open{{}}, finished;
  const auto finish = [&](Found f, bool eos) {
    f.score = normalised(f.log_prob, f.ids.size(), o, eos);
    finished.push_back(f);
  };
  const auto beam = static_cast<std::size_t>(o.beam), most = static_cast<std::size_t>(o.max_length);
  // step: how many ids came before those that were looked at last.
  const auto done = [&](std::size_t step) {
    if (open.empty() || (finished.size() >= beam && o.early_stopping)) return true;
    best_first(finished);
    const auto more = [&](const Found& f) { return normalised(f.log_prob, step, o) > finished[beam - 1].score; };
    return finished.size() >= beam && std::none_of(open.begin(), open.end(), more);
  };
  for (std::size_t step = 0; step == 0 || !done(step - 1); ++step) {
    std::vector<Found> next;  // ends in EOS, or goes on
    for (const Found& f : open) {
      const auto p = log_probs(f.ids);
      for (int32_t id = 0; id < static_cast<int32_t>(p.size()); ++id) {
        if (step < prefix.size() ? id != prefix[step]
            : step >= most       ? id != kEos
                                 : id == kEos && step < static_cast<std::size_t>(o.min_length))
          continue;
        if (p[static_cast<std::size_t>(id)] == -std::numeric_limits<double>::infinity()) continue;
        next.push_back(f);
        next.back().ids.push_back(id);
        const bool free = step >= prefix.size() && step >= most && o.forced_eos != ForcedEos::scored;
        next.back().log_prob += free ? 0 : p[static_cast<std::size_t>(id)];
      }
    }
    std::stable_sort(next.begin(), next.end(), [](const Found& a, const Found& b) { return a.log_prob > b.log_prob; });
    if (next.size() > 2 * beam) next.resize(2 * beam);
    open.clear();
    for (std::size_t i = 0; i < next.size(); ++i) {
      Found f = next[i];
      if (f.ids.back() == kEos && step >= prefix.size()) {
        f.ids.pop_back();
        if (i < beam) finish(f, true);
      } else if (step >= prefix.size() && (ends(f.ids) || (o.forced_eos == ForcedEos::none && step + 1 >= most))) {
        if (i < beam) finish(f, false);
      } else if (open.size() < beam) {
        open.push_back(f);
      }
    }
  }
  best_first(finished);
  if (finished.size() > static_cast<std::size_t>(o.nbest)) finished.resize(static_cast<std::size_t>(o.nbest));
  return finished;
}

inline void same(const Hypotheses& got, const std::vector<Found>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].ids == want[i].ids);
    CHECK(static_cast<double>(got[i].log_prob) == Approx(want[i].log_prob).margin(1e-5));
    CHECK(static_cast<double>(got[i].score) == Approx(want[i].score).margin(1e-5));
  }
}

}  // namespace storm::test
