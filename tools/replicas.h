// A tool that runs as one of several processes.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/mixed_hash.h"
#include "tools/cli.h"
#include "train/replicas.h"

namespace storm {

// Throws Error where a process has other data than the first, whose number this is.
inline void require_same(Replicas& replicas, uint64_t number, const std::string& what) {
  uint64_t of_first = number;
  replicas.broadcast(std::as_writable_bytes(std::span(&of_first, 1)));
  require(of_first == number, what, " is another here than on ", replicas.name(0),
          "; all processes of a run have the same");
}

// The processes that share this run's work. Of those one speaks: the others print no notes, no progress and no figures,
// and name themselves in warnings and errors; what a launcher feeds to all of them, the first alone reads. Throws Error
// where they were not started with the same command line: then they are no processes of one run.
inline Replicas& join(const Args& args) {
  Replicas& replicas = open_replicas();
  args.set_place(replicas.place());
  if (replicas.is_alone()) return replicas;
  if (!replicas.is_first()) {
    set_quiet(true);
    set_log_name(str(args.command().substr(0, args.command().find(' ')), ", ", replicas.name(replicas.rank())));
    args.silence();
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    require(nothing >= 0 && ::dup2(nothing, STDIN_FILENO) == STDIN_FILENO, "/dev/null: cannot open");
    ::close(nothing);
  }
  require_same(replicas, hash_of_bytes(args.command()), "the command line");
  return replicas;
}

// For tools whose work nobody deals out: several of them would each do all of it.
inline void require_one_process(const std::string& tool) {
  if (!open_replicas().is_alone())
    throw UsageError(str(tool, " runs as one process so far; start it alone, or on a part of the input in each"));
}

// The same where a process reads another file by this name than the first does.
inline void require_same_file(Replicas& replicas, const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  require_same(replicas, hash_of_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), path);
}

}  // namespace storm
