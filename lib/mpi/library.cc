// What libstorm_mpi.so gives to the programs that open it (train/replicas.h): one function. Messages are MPI's
// nonblocking ones between two processes, so that what is added up is added by STORM, in an order of its own.
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/error.h"
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
    MPI_Initialized(&initialized);
    if (!initialized) check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "starting");
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    Seat own{.process = ::getpid()};
    ::gethostname(own.host, sizeof(own.host) - 1);
    seats_.resize(static_cast<std::size_t>(size_));
    check(MPI_Allgather(&own, sizeof(Seat), MPI_BYTE, seats_.data(), sizeof(Seat), MPI_BYTE, MPI_COMM_WORLD),
          "asking who is there");
    for (Seat& seat : seats_) seat.is_watched = std::strcmp(seat.host, own.host) == 0 && !has_ended(seat.process);
    ::on_exit(leave, nullptr);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string name(int rank) const override {
    const Seat& seat = seats_[static_cast<std::size_t>(rank)];
    return str("rank ", rank, " (process ", seat.process, " on ", seat.host, ")");
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

  // Where the launcher does not end the others when one has gone, they see it themselves: those of its machine by its
  // process, others by MPI, whose connection breaks.
  void require_alive() override {
    for (int r = 0; r < size_; ++r) {
      const Seat& seat = seats_[static_cast<std::size_t>(r)];
      require(!seat.is_watched || !has_ended(seat.process), name(r), " has ended, and was waited for");
    }
  }

  void finish() override { check(MPI_Finalize(), "ending"); }

 private:
  struct Seat {
    char host[64] = {};
    pid_t process = 0;
    bool is_watched = false;  // one of this machine that this process can see: not across containers
  };

  // One that waits for its parent to ask how it ended has ended, too.
  static bool has_ended(pid_t process) {
    if (::kill(process, 0) != 0) return errno == ESRCH;
    std::ifstream stat(str("/proc/", process, "/stat"));
    std::string text;
    std::getline(stat, text);
    const auto name_end = text.rfind(')');
    return name_end != text.npos && name_end + 2 < text.size() && text[name_end + 2] == 'Z';
  }

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
  std::vector<std::vector<MPI_Request>> requests_;  // of each message
  std::vector<Message> free_;
};

}  // namespace

}  // namespace storm

extern "C" __attribute__((visibility("default"))) storm::Replicas& storm_open_replicas() {
  static storm::MpiReplicas all;
  return all;
}
