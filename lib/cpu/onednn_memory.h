// oneDNN compiles its kernels when they are first needed, and copies the operands of most products. It does not look
// whether these mappings succeed: it ends in a segmentation fault. So each product is preceded by a look whether they
// would. Measured with oneDNN 2.6.3, over shapes from 1 to 32,000: 16 MiB with one thread, 31 MiB with two.
// What remains: another thread that maps the same bytes between the look and the product.
#pragma once

#include "base/address_space.h"
#include "base/parallel.h"

namespace storm {

inline void require_onednn_memory() {
  static const bool limited = address_space_is_limited();  // limits are set before a program starts
  if (!limited) return;
  constexpr std::size_t kCode = 16 << 20, kEachThread = 16 << 20;
  require_address_space(kCode + kEachThread * static_cast<std::size_t>(omp_in_parallel() ? 1 : thread_count()));
}

}  // namespace storm
