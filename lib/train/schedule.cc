#include "train/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace storm {

namespace {
constexpr std::array kNames{"inverse-sqrt", "constant", "linear", "cosine"};
}

double Schedule::rate(int64_t step) const {
  const auto s = static_cast<double>(step), w = static_cast<double>(std::max<int64_t>(warmup, 1));
  if (s < w) return peak * s / w;
  if (kind == Kind::inverse_sqrt) return peak * std::sqrt(w / s);
  if (kind == Kind::constant) return peak;
  const double cycles = static_cast<double>(restarts) + 1,
               done = std::clamp((s - w) / std::max(static_cast<double>(steps) - w, 1.0), 0.0, 1.0) * cycles;
  const double left = done < cycles ? 1 - (done - std::floor(done)) : 0;
  return kind == Kind::linear ? peak * left : peak * 0.5 * (1 - std::cos(std::numbers::pi * left));
}

Schedule::Kind schedule_from_name(const std::string& name) {
  std::string names;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<Schedule::Kind>(i);
    names += (i ? ", " : "") + std::string(kNames[i]);
  }
  throw UsageError(str("--schedule: '", name, "' is none of ", names));
}

std::string schedule_name(Schedule::Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

}  // namespace storm
