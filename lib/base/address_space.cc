#include "base/address_space.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <fstream>
#include <new>

namespace storm {

bool address_space_is_limited() {
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) return true;
  }
  static const bool strict = std::ifstream("/proc/sys/vm/overcommit_memory").get() == '2';
  return strict;
}

void require_address_space(std::size_t bytes) {
  if (!address_space_is_limited()) return;
  // Writable, since only such pages count for each of the limits; untouched, so that they take no memory.
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  ::munmap(at, bytes);
}

}  // namespace storm
