#include "cuda/nccl.h"

#include <dlfcn.h>

#include <algorithm>
#include <string>

#include "base/error.h"

namespace storm::cuda {

namespace {

// Functions and numbers are those of nccl.h, which have stood since NCCL 2.0.
struct Id {
  char bytes[128];
};
constexpr int kSuccess = 0, kFloat32 = 7, kFloat64 = 8, kSum = 0;

struct Nccl {
  int (*get_unique_id)(Id*);
  int (*comm_init_rank)(void** comm, int size, Id id, int rank);
  int (*comm_destroy)(void* comm);
  int (*group_start)();
  int (*group_end)();
  int (*reduce)(const void* from, void* to, std::size_t count, int type, int op, int root, void* comm, cudaStream_t);
  int (*broadcast)(const void* from, void* to, std::size_t count, int type, int root, void* comm, cudaStream_t);
  int (*all_reduce)(const void* from, void* to, std::size_t count, int type, int op, void* comm, cudaStream_t);
  const char* (*error_string)(int result);
};

template <class F>
void find(void* library, const char* name, F& function) {
  void* found = ::dlsym(library, name);
  require(found, "libnccl.so.2: ", found ? "" : ::dlerror());
  function = reinterpret_cast<F>(found);
}

// Null where there is none. It stays open to the end: its threads are its own.
const Nccl* nccl() {
  static const Nccl* const opened = []() -> const Nccl* {
    void* library = ::dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) return nullptr;
    static Nccl n;
    find(library, "ncclGetUniqueId", n.get_unique_id);
    find(library, "ncclCommInitRank", n.comm_init_rank);
    find(library, "ncclCommDestroy", n.comm_destroy);
    find(library, "ncclGroupStart", n.group_start);
    find(library, "ncclGroupEnd", n.group_end);
    find(library, "ncclReduce", n.reduce);
    find(library, "ncclBroadcast", n.broadcast);
    find(library, "ncclAllReduce", n.all_reduce);
    find(library, "ncclGetErrorString", n.error_string);
    return &n;
  }();
  return opened;
}

void check(int result, const char* what) {
  if (result != kSuccess)
    fail("NCCL: ", what, ": ", nccl()->error_string(result),
         "; NCCL_DEBUG=WARN says more (each process needs a card of its own: --device auto)");
}

// call(r, from, count) for each process's piece, as one group of calls.
template <class Call>
void for_pieces(std::span<const std::size_t> cuts, const char* what, Call&& call) {
  check(nccl()->group_start(), what);
  for (std::size_t r = 0; r + 1 < cuts.size(); ++r)
    if (cuts[r + 1] > cuts[r]) check(call(static_cast<int>(r), cuts[r], cuts[r + 1] - cuts[r]), what);
  check(nccl()->group_end(), what);
}

}  // namespace

bool has_nccl() { return nccl() != nullptr; }

std::vector<std::byte> make_nccl_id() {
  require(nccl(), "libnccl.so.2 is missing");
  Id id;
  check(nccl()->get_unique_id(&id), "an id for the processes");
  const auto bytes = std::as_bytes(std::span(id.bytes));
  return {bytes.begin(), bytes.end()};
}

NcclGroup::NcclGroup(std::span<const std::byte> bytes, int rank, int size) : rank_(rank) {
  Id id;
  require(nccl() && bytes.size() == sizeof id.bytes, "NCCL: no id of it");
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(id.bytes)).begin());
  check(nccl()->comm_init_rank(&group_, size, id, rank), "joining the other processes");
}

NcclGroup::~NcclGroup() { nccl()->comm_destroy(group_); }

void NcclGroup::reduce_scatter(float* x, std::span<const std::size_t> cuts, cudaStream_t stream) const {
  for_pieces(cuts, "the sum of gradients", [&](int r, std::size_t from, std::size_t count) {
    return nccl()->reduce(x + from, x + from, count, kFloat32, kSum, r, group_, stream);
  });
}

void NcclGroup::all_gather(float* x, std::span<const std::size_t> cuts, cudaStream_t stream) const {
  for_pieces(cuts, "the updated parameters", [&](int r, std::size_t from, std::size_t count) {
    return nccl()->broadcast(x + from, x + from, count, kFloat32, r, group_, stream);
  });
}

void NcclGroup::sum(double* x, std::size_t count, cudaStream_t stream) const {
  check(nccl()->all_reduce(x, x, count, kFloat64, kSum, group_, stream), "the norm of gradients");
}

}  // namespace storm::cuda
