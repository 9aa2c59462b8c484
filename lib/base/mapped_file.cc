#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace storm {

namespace {

// The mappings of this process are a list that the handler of SIGBUS reads. Its lock is held for a few stores and never
// while a mapped page is touched, so the handler waits for other threads at most.
class Lock {
 public:
  Lock() {
    while (held_.test_and_set(std::memory_order_acquire)) continue;
  }
  ~Lock() { held_.clear(std::memory_order_release); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  static inline std::atomic_flag held_;
};

}  // namespace

struct MappedFile::Mapping {
  Mapping(const std::string& file, void* at, std::size_t length)
      : complaint(logged(str(file, ": was cut short while it was read; run again when it is complete"))),
        data(static_cast<std::byte*>(at)),
        size(length) {
    static std::once_flag installed;
    std::call_once(installed, [] {
      struct sigaction action {};
      action.sa_sigaction = say_what_is_gone;
      sigemptyset(&action.sa_mask);
      action.sa_flags = SA_SIGINFO | SA_ONSTACK;
      ::sigaction(SIGBUS, &action, &before);
    });
    const Lock lock;
    next = first;
    if (next) next->previous = this;
    first = this;
  }
  ~Mapping() {
    {
      const Lock lock;
      (previous ? previous->next : first) = next;
      if (next) next->previous = previous;
    }
    ::munmap(data, size);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // No destructor runs: what an Output has begun has no name, or is removed by the next one of that path.
  static void say_what_is_gone(int, siginfo_t* info, void*) {
    const auto* at = static_cast<const std::byte*>(info->si_addr);
    {
      const Lock lock;
      for (const Mapping* m = first; m; m = m->next)
        if (at >= m->data && at < m->data + m->size) {
          const ssize_t written = ::write(STDERR_FILENO, m->complaint.data(), m->complaint.size());
          static_cast<void>(written);
          ::_exit(1);
        }
    }
    ::sigaction(SIGBUS, &before, nullptr);  // not ours: the access is tried again and meets what was there before
  }

  static inline struct sigaction before {};
  static inline Mapping* first = nullptr;
  const std::string complaint;  // made before, as a handler cannot
  std::byte* const data;
  const std::size_t size;
  Mapping *previous = nullptr, *next = nullptr;
};

MappedFile::MappedFile(const std::string& path) : name_(path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0, path, ": cannot open: ", std::strerror(errno));
  try {
    map(fd);
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
}

MappedFile::MappedFile(int fd, std::string name) : name_(std::move(name)) { map(fd); }

void MappedFile::map(int fd) {
  struct stat info {};
  require(::fstat(fd, &info) == 0 && S_ISREG(info.st_mode), name_, ": cannot map: not a regular file");
  if (info.st_size == 0) return;
  const auto size = static_cast<std::size_t>(info.st_size);
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  require(at != MAP_FAILED, name_, ": cannot map: ", std::strerror(errno));
  mapping_ = std::make_unique<Mapping>(name_, at, size);
}

std::span<const std::byte> MappedFile::bytes() const {
  if (!mapping_) return {};
  return {mapping_->data, mapping_->size};
}

void MappedFile::read_at_random() const {
  if (mapping_) ::madvise(mapping_->data, mapping_->size, MADV_RANDOM);
}

void MappedFile::forget() const {
  if (mapping_) ::madvise(mapping_->data, mapping_->size, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&&) noexcept = default;
MappedFile::~MappedFile() = default;

}  // namespace storm
