// The emulated device's memory: pages that the host must not touch. They open while a kernel, a copy, a clear or a
// product runs, so that a dereference on the host ends the test by SIGSEGV, as it ends a program beside a card. Copies
// that go another way than they say, and kernels that are given addresses of the host, are errors.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>

#include "cuda_runtime.h"

namespace emulation {

namespace {

constexpr std::size_t kPage = 4096;

using Address = std::byte*;

struct Region {
  std::size_t bytes = 0;  // what was asked for
  Address mapped = nullptr;
  std::size_t mapped_bytes = 0;
};

// A function's, so that it outlives static objects that free their memory at exit.
std::map<Address, Region>& regions() {
  static auto* all = new std::map<Address, Region>;
  return *all;
}

int open_count = 0;

void protect(int how) {
  for (const auto& [address, region] : regions())
    if (mprotect(region.mapped, region.mapped_bytes, how) != 0) std::perror("emulation: mprotect"), std::abort();
}

bool is_mapped(const void* p) {
  const auto page = reinterpret_cast<uintptr_t>(p) / kPage * kPage;
  unsigned char resident = 0;
  return mincore(reinterpret_cast<void*>(page), 1, &resident) == 0;
}

}  // namespace

Opened::Opened() {
  if (open_count++ == 0) protect(PROT_READ | PROT_WRITE);
}
Opened::~Opened() {
  if (--open_count == 0) protect(PROT_NONE);
}

bool on_device(const void* p, std::size_t bytes) {
  const auto address = static_cast<Address>(const_cast<void*>(p));
  auto it = regions().upper_bound(address);
  if (it == regions().begin()) return false;
  --it;
  const auto offset = static_cast<std::size_t>(address - it->first);
  return offset <= it->second.bytes && bytes <= it->second.bytes - offset;
}

#ifdef STORM_SANITIZE  // the address sanitizer's shadow is mapped, and as numbers its addresses are pairs of small ones
constexpr uintptr_t kLowest = 0x100080000000;
#else
constexpr uintptr_t kLowest = 65536;
#endif

// Whatever looks like a pointer, wherever it lies in an argument: structs hold them, too. Null, a piece's end and
// addresses where nothing is mapped, which numbers may look like, pass.
bool names_host_memory(const void* argument, std::size_t bytes) {
  if (regions().empty()) return false;  // kernels that are tested on the host's memory (execution.cc)
  for (std::size_t at = 0; at + sizeof(uintptr_t) <= bytes; at += sizeof(uintptr_t)) {
    uintptr_t word = 0;
    std::memcpy(&word, static_cast<const std::byte*>(argument) + at, sizeof word);
    const auto* p = reinterpret_cast<const void*>(word);
    if (word < kLowest || word >> 47 != 0 || on_device(p, 0) || !is_mapped(p)) continue;
    return true;
  }
  return false;
}

}  // namespace emulation

using emulation::on_device;
using emulation::Opened;

// The last byte lies at the end of a page, as far as alignment to 256 allows; the page beyond it is never open.
cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  *p = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::size_t rounded = (bytes + 255) / 256 * 256;
  const std::size_t open = (rounded + emulation::kPage - 1) / emulation::kPage * emulation::kPage;
  void* mapped = mmap(nullptr, open + emulation::kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return cudaErrorMemoryAllocation;
  madvise(mapped, open, MADV_HUGEPAGE);  // few pages are quick to open and to close
  auto* first = static_cast<std::byte*>(mapped);
  *p = first + open - rounded;
  emulation::regions()[static_cast<std::byte*>(*p)] = {bytes, first, open};
  const Opened opened;
  std::memset(*p, 0xff, bytes);
  return cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  if (!p) return cudaSuccess;
  const auto found = emulation::regions().find(static_cast<std::byte*>(p));
  if (found == emulation::regions().end()) return cudaErrorInvalidValue;
  munmap(found->second.mapped, found->second.mapped_bytes + emulation::kPage);
  emulation::regions().erase(found);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t n, cudaMemcpyKind kind, cudaStream_t) {
  if (n == 0) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (on_device(to, n) != to_device || on_device(from, n) != from_device) return cudaErrorInvalidValue;
  const Opened opened;
  std::memcpy(to, from, n);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t n, cudaStream_t) {
  if (n == 0) return cudaSuccess;
  if (!emulation::regions().empty() && !on_device(to, n)) return cudaErrorInvalidValue;
  emulation::queue([=] {
    const Opened opened;
    std::memset(to, value, n);
  });
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** p, std::size_t bytes, unsigned) {
  *p = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*p) std::memset(*p, 0xff, bytes);
  return *p || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void* p) { return std::free(p), cudaSuccess; }
