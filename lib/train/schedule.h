// The learning rate by step. `peak` is the highest rate that the schedule reaches (--lr).
#pragma once

#include <cstdint>
#include <string>

namespace storm {

struct Schedule {
  enum class Kind : uint8_t {
    inverse_sqrt,  // peak * min(step / warmup, sqrt(warmup / step)): Vaswani et al. 2017, §5.3
    constant,      // the peak after the warm-up
    linear,        // from the peak down to 0 at `steps`
    cosine,        // the same along half a cosine: Loshchilov and Hutter 2017
  };
  Kind kind = Kind::inverse_sqrt;
  double peak = 7e-4;
  int64_t warmup = 4000;  // steps in which the rate rises linearly; 0: none
  int64_t steps = 0;      // of the whole run; linear and cosine only
  // How often these two begin again at the peak, at equal distances behind the warm-up (SGDR with T_mult of 1:
  // Loshchilov and Hutter 2017, §3).
  int64_t restarts = 0;

  bool ends() const { return kind == Kind::linear || kind == Kind::cosine; }
  double rate(int64_t step) const;  // step: 1 is the first update
};

Schedule::Kind schedule_from_name(const std::string& name);  // throws UsageError
std::string schedule_name(Schedule::Kind kind);

}  // namespace storm
