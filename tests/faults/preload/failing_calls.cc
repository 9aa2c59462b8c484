// A library for LD_PRELOAD that makes one system call of a program fail, to see what the program does then.
//   STORM_FAULT=KIND:N[+][:HOW]   the Nth call of this kind fails (with +, all from there on). KIND: write, fsync,
//   rename
//                                 (and linkat), mmap, open (also fopen's) or malloc (also calloc, realloc, aligned
//                                 ones). HOW: ENOSPC, EIO, EINTR, EACCES, EMFILE, ENOMEM, or for write also short (half
//                                 of the bytes are taken); each kind has its own default.
//   STORM_FAULT_CALLER=FILE       gets the name of the library, or "program", whose call failed; C and C++'s own are
//   passed over STORM_FAULT_COUNT=FILE        gets how many calls of each kind there were when main has returned:
//   "write 12", ...
// Only calls between the beginning of main and its return count: what the loader and libraries do before is not the
// program's, and not the same on every machine. Calls inside the C library do not pass here.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#define EXPORTED extern "C" __attribute__((visibility("default")))

// The C library's own allocator, under the names that it keeps for replacements: looking one up would allocate.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

struct Kind {
  std::string_view name;
  int error;  // of a failing call, where STORM_FAULT names none
};
enum { kWrite, kFsync, kRename, kMmap, kOpen, kMalloc, kKinds };
constexpr std::array<Kind, kKinds> kinds{
    {{"write", ENOSPC}, {"fsync", EIO}, {"rename", EACCES}, {"mmap", ENOMEM}, {"open", EMFILE}, {"malloc", ENOMEM}}};
constexpr std::array<Kind, 7> errors{{{"ENOSPC", ENOSPC},
                                      {"EIO", EIO},
                                      {"EINTR", EINTR},
                                      {"EACCES", EACCES},
                                      {"EMFILE", EMFILE},
                                      {"ENOMEM", ENOMEM},
                                      {"short", 0}}};

std::array<std::atomic<long>, kKinds> calls;
std::atomic<bool> counting = false;
int failing_kind = -1;
long failing_call = 0;
bool from_there_on = false;
int failing_error = 0;  // 0: a short write

[[noreturn]] void misuse(const char* what) {
  std::fprintf(stderr, "failing_calls: %s\n", what);
  _exit(99);
}

void read_wish() {
  const char* wish = std::getenv("STORM_FAULT");
  if (!wish) return;
  std::string_view text = wish;
  const auto field = [&text] {
    const auto end = text.find(':');
    const auto first = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    return first;
  };
  const auto name = field();
  for (int i = 0; i < kKinds; ++i)
    if (kinds[static_cast<std::size_t>(i)].name == name) failing_kind = i;
  if (failing_kind < 0) misuse("STORM_FAULT names no kind of calls");
  auto number = field();
  from_there_on = number.ends_with('+');
  if (from_there_on) number.remove_suffix(1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), failing_call);
  if (error != std::errc{} || end != number.data() + number.size()) misuse("STORM_FAULT names no call");
  failing_error = kinds[static_cast<std::size_t>(failing_kind)].error;
  if (const auto how = field(); !how.empty()) {
    failing_error = -1;
    for (const auto& e : errors)
      if (e.name == how) failing_error = e.error;
    if (failing_error < 0) misuse("STORM_FAULT names no error");
  }
}

int create(const char* path) {
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666));
}

void put(int fd, std::string_view text) {
  if (syscall(SYS_write, fd, text.data(), text.size()) != static_cast<long>(text.size()))
    misuse("cannot write a report");
}

void write_counts() {
  const char* path = std::getenv("STORM_FAULT_COUNT");
  if (!path) return;
  const int fd = create(path);
  char line[64];
  for (std::size_t i = 0; i < kKinds; ++i)
    put(fd, {line, static_cast<std::size_t>(
                       std::snprintf(line, sizeof line, "%s %ld\n", kinds[i].name.data(), calls[i].load()))});
  syscall(SYS_close, fd);
}

void write_caller() {
  const char* path = std::getenv("STORM_FAULT_CALLER");
  if (!path) return;
  std::array<void*, 24> frames{};
  const int depth = backtrace(frames.data(), static_cast<int>(frames.size()));
  std::string_view caller = "unknown";
  std::array<char, 24 * 20> addresses{};
  int written = 0;
  for (int i = 0; i < depth; ++i) {
    Dl_info info;
    if (dladdr(frames[static_cast<std::size_t>(i)], &info) == 0 || !info.dli_fname) continue;
    const std::string_view file = info.dli_fname;
    const auto name = file.substr(file.rfind('/') + 1);
    bool passed = false;
    for (const std::string_view own : {"failing_calls.so", "libc.so", "libstdc++.so", "libgcc_s.so", "ld-linux"})
      passed |= name.starts_with(own);
    if (passed) continue;
    const std::string_view who = name.find(".so") == name.npos ? "program" : name;
    if (caller == "unknown") caller = who;
    if (who == "program")  // one less: within the call, not behind it
      written +=
          std::snprintf(addresses.data() + written, addresses.size() - static_cast<std::size_t>(written), "%#lx ",
                        static_cast<unsigned long>(static_cast<char*>(frames[static_cast<std::size_t>(i)]) -
                                                   static_cast<char*>(info.dli_fbase) - 1));
  }
  const int fd = create(path);
  put(fd, caller);
  put(fd, "\n");
  put(fd, addresses.data());
  put(fd, "\n");
  syscall(SYS_close, fd);
}

// Counts a call; true when it is to fail, and errno says how.
bool fails(int kind) {
  if (!counting) return false;
  const long n = ++calls[static_cast<std::size_t>(kind)];
  if (kind != failing_kind || (from_there_on ? n < failing_call : n != failing_call)) return false;
  if (n == failing_call) {
    counting = false;  // looking for the caller is none of the program's calls
    write_caller();
    counting = true;
  }
  errno = failing_error;
  return true;
}

int (*wrapped_main)(int, char**, char**) = nullptr;

int counted_main(int argc, char** argv, char** environment) {
  read_wish();
  std::array<void*, 1> none{};
  backtrace(none.data(), 1);  // which allocates the first time
  counting = true;
  const int code = wrapped_main(argc, argv, environment);
  counting = false;
  write_counts();
  return code;
}

template <class Function>
Function* next_of(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int open_at(int folder, const char* path, int flags, va_list arguments) {
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  const auto mode = creates ? va_arg(arguments, mode_t) : mode_t{0};
  if (fails(kOpen)) return -1;
  return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}

}  // namespace

EXPORTED int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                               void (*loader_fini)(), void* stack_end) {
  wrapped_main = main;
  using Start = int(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
  return next_of<Start>("__libc_start_main")(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}

EXPORTED ssize_t write(int fd, const void* data, std::size_t size) {
  if (fails(kWrite)) {
    if (errno != 0) return -1;
    size = (size + 1) / 2;
  }
  return syscall(SYS_write, fd, data, size);
}

EXPORTED int fsync(int fd) { return fails(kFsync) ? -1 : static_cast<int>(syscall(SYS_fsync, fd)); }

EXPORTED int rename(const char* from, const char* to) noexcept {
  return fails(kRename) ? -1 : static_cast<int>(syscall(SYS_rename, from, to));
}
EXPORTED int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  return fails(kRename) ? -1 : static_cast<int>(syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
}

EXPORTED void* mmap(void* at, std::size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  if (fails(kMmap)) return MAP_FAILED;
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, size, protection, flags, fd, offset));
}

// Only 64-bit systems are meant, where open64 is open.
EXPORTED int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int fd = open_at(AT_FDCWD, path, flags, arguments);
  va_end(arguments);
  return fd;
}
EXPORTED int open64(const char* path, int flags, ...) __attribute__((alias("open")));
EXPORTED int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int fd = open_at(folder, path, flags, arguments);
  va_end(arguments);
  return fd;
}
EXPORTED int openat64(int folder, const char* path, int flags, ...) __attribute__((alias("openat")));
EXPORTED FILE* fopen(const char* path, const char* mode) {
  static const auto next = next_of<FILE*(const char*, const char*)>("fopen");
  return fails(kOpen) ? nullptr : next(path, mode);
}
EXPORTED FILE* fopen64(const char* path, const char* mode) __attribute__((alias("fopen")));

EXPORTED void* malloc(std::size_t size) noexcept { return fails(kMalloc) ? nullptr : __libc_malloc(size); }
EXPORTED void* calloc(std::size_t count, std::size_t size) noexcept {
  return fails(kMalloc) ? nullptr : __libc_calloc(count, size);
}
EXPORTED void* realloc(void* old, std::size_t size) noexcept {
  return fails(kMalloc) ? nullptr : __libc_realloc(old, size);
}
EXPORTED void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return fails(kMalloc) ? nullptr : __libc_memalign(alignment, size);
}
EXPORTED void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return fails(kMalloc) ? nullptr : __libc_memalign(alignment, size);
}
EXPORTED int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
  if (fails(kMalloc)) return ENOMEM;
  *out = __libc_memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
