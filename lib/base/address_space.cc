#include "base/address_space.h"

#include <sys/mman.h>

#include <new>

namespace storm {

void require_address_space(std::size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  ::munmap(at, bytes);
}

}  // namespace storm
