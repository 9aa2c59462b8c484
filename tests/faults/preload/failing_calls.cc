// Calls of the system that fail on demand (LD_PRELOAD), for tests/faults.
//   STORM_FAULT=KIND:N:HOW     the Nth call of the kind fails: HOW is a number, the errno; or short (a write of half
//   its bytes) or
//                              INTR (EINTR). Kinds: write fsync rename link mmap open malloc
//   STORM_FAULT_PROGRAM=NAME   in the program of this name alone
//   STORM_FAULT_STACK=1        and says where, on standard error
//   STORM_FAULT_COUNTS=FILE    appends a line "KIND COUNT" for each kind when the program ends
// Counted are calls from the beginning of main on, of all threads.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

enum Kind { kWrite, kFsync, kRename, kLink, kMmap, kOpen, kMalloc, kKinds };
constexpr std::array<const char*, kKinds> kNames{"write", "fsync", "rename", "link", "mmap", "open", "malloc"};

std::array<std::atomic<long>, kKinds> counts;
std::atomic<bool> active = false;
int fault_kind = -1, fault_errno = 0;
long fault_at = 0;
bool fault_short = false;
int (*program)(int, char**, char**);

// Whether this call is the one. errno is set then.
bool fails(Kind kind) {
  if (!active.load(std::memory_order_relaxed)) return false;
  const long number = ++counts[kind];
  if (fault_kind != kind || number != fault_at) return false;
  if (std::getenv("STORM_FAULT_STACK")) {
    active = false;
    void* stack[40];
    ::backtrace_symbols_fd(stack, ::backtrace(stack, 40), STDERR_FILENO);
    active = true;
  }
  errno = fault_errno;
  return true;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

void write_counts() {
  active = false;
  const char* path = std::getenv("STORM_FAULT_COUNTS");
  std::FILE* file = path ? std::fopen(path, "a") : nullptr;
  if (!file) return;
  for (std::size_t k = 0; k < kKinds; ++k) std::fprintf(file, "%s %ld\n", kNames[k], counts[k].load());
  std::fclose(file);
}

void read_order() {
  const char* order = std::getenv("STORM_FAULT");
  if (!order) return;
  for (std::size_t k = 0; k < kKinds; ++k) {
    const std::size_t n = std::strlen(kNames[k]);
    if (std::strncmp(order, kNames[k], n) != 0 || order[n] != ':') continue;
    char* how = nullptr;
    fault_at = std::strtol(order + n + 1, &how, 10);
    ++how;
    fault_short = std::strcmp(how, "short") == 0;
    fault_errno = std::strcmp(how, "INTR") == 0 ? EINTR : static_cast<int>(std::strtol(how, nullptr, 10));
    fault_kind = static_cast<int>(k);
  }
}

int counted_main(int argc, char** argv, char** environment) {
  const char *wanted = std::getenv("STORM_FAULT_PROGRAM"), *slash = std::strrchr(argv[0], '/');
  if (!wanted || std::strcmp(wanted, slash ? slash + 1 : argv[0]) != 0) return program(argc, argv, environment);
  read_order();
  std::atexit(write_counts);
  active = true;
  return program(argc, argv, environment);
}

mode_t mode_of(int flags, std::va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*loader_fini)(), void* stack_end) {
  program = main;
  return real<decltype(&__libc_start_main)>("__libc_start_main")(counted_main, argc, argv, init, fini, loader_fini,
                                                                 stack_end);
}

ssize_t write(int fd, const void* data, std::size_t size) {
  static const auto call = real<decltype(&::write)>("write");
  if (!fails(kWrite)) return call(fd, data, size);
  return fault_short ? call(fd, data, (size + 1) / 2) : -1;
}

int fsync(int fd) {
  static const auto call = real<decltype(&::fsync)>("fsync");
  return fails(kFsync) ? -1 : call(fd);
}

int rename(const char* from, const char* to) {
  static const auto call = real<decltype(&::rename)>("rename");
  return fails(kRename) ? -1 : call(from, to);
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  static const auto call = real<decltype(&::linkat)>("linkat");
  return fails(kLink) ? -1 : call(from_folder, from, to_folder, to, flags);
}

void* mmap(void* at, std::size_t size, int protection, int flags, int fd, off_t offset) {
  static const auto call = real<decltype(&::mmap)>("mmap");
  return fails(kMmap) ? MAP_FAILED : call(at, size, protection, flags, fd, offset);
}
void* mmap64(void* at, std::size_t size, int protection, int flags, int fd, off64_t offset) {
  return mmap(at, size, protection, flags, fd, offset);
}

int open(const char* path, int flags, ...) {
  static const auto call = real<int (*)(const char*, int, mode_t)>("open");
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return fails(kOpen) ? -1 : call(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  static const auto call = real<int (*)(const char*, int, mode_t)>("open64");
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return fails(kOpen) ? -1 : call(path, flags, mode);
}

void* malloc(std::size_t size) { return fails(kMalloc) ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t n, std::size_t size) { return fails(kMalloc) ? nullptr : __libc_calloc(n, size); }
void* realloc(void* at, std::size_t size) { return fails(kMalloc) ? nullptr : __libc_realloc(at, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return fails(kMalloc) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** at, std::size_t alignment, std::size_t size) {
  if (fails(kMalloc)) return ENOMEM;
  *at = __libc_memalign(alignment, size);
  return *at ? 0 : ENOMEM;
}

}  // extern "C"
#pragma GCC visibility pop
