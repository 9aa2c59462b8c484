// A libnccl.so.2 for tests on machines without cards: processes of one machine add up emulated devices' memory, by way
// of a file that all have mapped. That memory is closed to all but kernels (emulation/memory.cc), so it is read and
// written as a debugger would.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr std::size_t kRoom = 64 << 20;  // bytes of a process
constexpr int kMost = 8;

struct Shared {
  std::atomic<int> arrived, round;
};

struct Id {
  char path[128];
};

struct Comm {
  int rank, size, memory;
  Shared* shared;
  std::byte* rooms;

  // Until all are here.
  void meet() const {
    const int round = shared->round;
    if (++shared->arrived == size) {
      shared->arrived = 0;
      ++shared->round;
    } else {
      while (shared->round == round) sched_yield();
    }
  }
  std::byte* room(int of) const { return rooms + static_cast<std::size_t>(of) * kRoom; }
};

void require(bool good, const char* what) {
  if (!good) std::perror(what), std::abort();
}

std::size_t width(int type) {
  require(type == 7 || type == 8, "the stand-in knows floats and doubles");
  return type == 7 ? sizeof(float) : sizeof(double);
}

void read_device(const Comm& c, const void* from, void* to, std::size_t bytes) {
  require(pread(c.memory, to, bytes, reinterpret_cast<off_t>(from)) == static_cast<ssize_t>(bytes), "reading");
}
void write_device(const Comm& c, void* to, const void* from, std::size_t bytes) {
  require(pwrite(c.memory, from, bytes, reinterpret_cast<off_t>(to)) == static_cast<ssize_t>(bytes), "writing");
}

template <class T>
void add_rooms(const Comm& c, void* to, std::size_t count) {
  std::vector<T> sums(count);
  for (int r = 0; r < c.size; ++r)
    for (std::size_t i = 0; i < count; ++i) sums[i] += reinterpret_cast<const T*>(c.room(r))[i];
  write_device(c, to, sums.data(), count * sizeof(T));
}

// root: who gets the sum; -1: all.
int add_up(const void* from, void* to, std::size_t count, int type, int root, void* comm) {
  const Comm& c = *static_cast<Comm*>(comm);
  const std::size_t bytes = count * width(type);
  require(bytes <= kRoom, "too much for the stand-in");
  read_device(c, from, c.room(c.rank), bytes);
  c.meet();
  if (root == c.rank || root < 0) type == 7 ? add_rooms<float>(c, to, count) : add_rooms<double>(c, to, count);
  c.meet();
  return 0;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int ncclGetUniqueId(Id* id) {
  std::snprintf(id->path, sizeof id->path, "/dev/shm/storm-stand-in-%d", static_cast<int>(getpid()));
  return 0;
}

int ncclCommInitRank(void** comm, int size, Id id, int rank) {
  if (std::getenv("STAND_IN_NCCL_FAILS")) return 5;
  require(size <= kMost, "too many for the stand-in");
  const int file = open(id.path, O_RDWR | O_CREAT, 0600);
  const std::size_t bytes = 4096 + kMost * kRoom;  // of which memory takes what is written
  require(file >= 0 && ftruncate(file, static_cast<off_t>(bytes)) == 0, id.path);
  void* const mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  require(mapped != MAP_FAILED, id.path);
  close(file);
  auto* c = new Comm{rank, size, open("/proc/self/mem", O_RDWR), static_cast<Shared*>(mapped),
                     static_cast<std::byte*>(mapped) + 4096};
  c->meet();
  if (rank == 0) unlink(id.path);
  *comm = c;
  return 0;
}

int ncclCommDestroy(void* comm) {
  auto* c = static_cast<Comm*>(comm);
  close(c->memory);
  munmap(c->shared, 4096 + kMost * kRoom);
  delete c;
  return 0;
}

int ncclGroupStart() { return 0; }
int ncclGroupEnd() { return 0; }

int ncclReduce(const void* from, void* to, std::size_t count, int type, int, int root, void* comm, void*) {
  return add_up(from, to, count, type, root, comm);
}

int ncclAllReduce(const void* from, void* to, std::size_t count, int type, int, void* comm, void*) {
  return add_up(from, to, count, type, -1, comm);
}

int ncclBroadcast(const void* from, void* to, std::size_t count, int type, int root, void* comm, void*) {
  const Comm& c = *static_cast<Comm*>(comm);
  const std::size_t bytes = count * width(type);
  if (root == c.rank) read_device(c, from, c.room(root), bytes);
  c.meet();
  if (root != c.rank) write_device(c, to, c.room(root), bytes);
  c.meet();
  return 0;
}

const char* ncclGetErrorString(int) { return "a stand-in's error"; }
}
#pragma GCC visibility pop
