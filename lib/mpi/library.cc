// What libstorm_mpi.so gives to the programs that open it (train/replicas.h): one function. Messages are MPI's
// nonblocking ones between two processes, so that what is added up is added by STORM, in an order of its own.
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "mpi/watch.h"
#include "train/replicas.h"

namespace storm {

namespace {

void check(int result, const char* doing) {
  if (result == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(result, text, &length);
  fail("MPI, ", doing, ": ", text);
}

// A program that ends before it has said goodbye takes the others along: they would wait for it for ever. Launchers
// that end a job when one of its processes failed do so as well; not all do.
void leave(int status, void*) {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Abort(MPI_COMM_WORLD, status == 0 ? 1 : status);
}

class MpiReplicas : public Replicas {
 public:
  MpiReplicas() {
    int initialized = 0, provided = 0;
#ifdef OPEN_MPI
    // Which would say so in twenty lines, and end the process.
    require(std::getenv("SLURM_STEP_NUM_TASKS") == nullptr || std::getenv("PMIX_RANK") ||
                std::getenv("OMPI_COMM_WORLD_SIZE"),
            "srun has not connected its processes for Open MPI; use srun --mpi=pmix");
#endif
    MPI_Initialized(&initialized);
    if (!initialized) check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "starting");
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    Seat own{.process = ::getpid()};
    ::gethostname(own.host, sizeof(own.host) - 1);
    seats_.resize(static_cast<std::size_t>(size_));
    check(MPI_Allgather(&own, sizeof(Seat), MPI_BYTE, seats_.data(), sizeof(Seat), MPI_BYTE, MPI_COMM_WORLD),
          "asking who is there");
    watch_.emplace(rank_, size_);
    ::on_exit(leave, nullptr);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string name(int rank) const override {
    const Seat& seat = seats_[static_cast<std::size_t>(rank)];
    return str("rank ", rank, " (process ", seat.process, " on ", seat.host, ")");
  }

  int place() const override {
    const auto* own = seats_.data() + rank_;
    return static_cast<int>(
        std::count_if(seats_.data(), own, [&](const Seat& s) { return std::strcmp(s.host, own->host) == 0; }));
  }

  Message send(int to, int tag, std::span<const std::byte> x) override {
    bytes_sent_ += x.size();
    return begin(x.size(), [&](std::size_t at, std::size_t count, MPI_Request* request) {
      check(MPI_Isend(x.data() + at, static_cast<int>(count), MPI_BYTE, to, tag, MPI_COMM_WORLD, request), "sending");
    });
  }
  Message receive(int from, int tag, std::span<std::byte> x) override {
    return begin(x.size(), [&](std::size_t at, std::size_t count, MPI_Request* request) {
      check(MPI_Irecv(x.data() + at, static_cast<int>(count), MPI_BYTE, from, tag, MPI_COMM_WORLD, request),
            "receiving");
    });
  }
  bool is_through(Message message) override {
    auto& requests = requests_[message];
    int done = 0;
    check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE), "waiting");
    if (done == 0) return false;
    requests.clear();
    free_.push_back(message);
    return true;
  }

  void require_alive() override {
    const int gone = watch_->gone();
    if (gone == Watch::kNone) return;
    const std::string text =
        gone == Watch::kSaid ? "a process has ended" : str(name(gone), " has ended, and was waited for");
    if (gone == Watch::kSaid) throw Reported(text);
    fail(text);
  }

  void finish() override { check(MPI_Finalize(), "ending"); }

 private:
  struct Seat {
    char host[64] = {};
    pid_t process = 0;
  };

  // MPI counts in ints.
  template <class Begin>
  Message begin(std::size_t bytes, Begin&& begin_one) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    if (free_.empty()) {
      free_.push_back(requests_.size());
      requests_.emplace_back();
    }
    const Message message = free_.back();
    free_.pop_back();
    for (std::size_t at = 0; at == 0 || at < bytes; at += kMost) {
      auto& requests = requests_[message];
      requests.push_back(MPI_REQUEST_NULL);
      begin_one(at, std::min(kMost, bytes - at), &requests.back());
    }
    return message;
  }

  int rank_ = 0, size_ = 1;
  std::vector<Seat> seats_;
  std::optional<Watch> watch_;
  std::vector<std::vector<MPI_Request>> requests_;  // of each message
  std::vector<Message> free_;
};

}  // namespace

}  // namespace storm

extern "C" __attribute__((visibility("default"))) storm::Replicas& storm_open_replicas() {
  static storm::MpiReplicas all;
  return all;
}
