#include "mpi/watch.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <mpi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>

namespace storm {

namespace {

constexpr int kPatience = 2000;  // milliseconds for an address that may not be reachable from here
constexpr std::size_t kAddresses = 16;

// What each side says first, so that a stranger's connection is none: the run's number, and whose it is.
struct Greeting {
  std::array<uint64_t, 2> run;
  int32_t rank;
};

bool ready(int fd, short what, int milliseconds) {
  pollfd one{fd, what, 0};
  return ::poll(&one, 1, milliseconds) == 1;
}
bool send_greeting(int fd, const Greeting& g) { return ::send(fd, &g, sizeof(g), MSG_NOSIGNAL) == sizeof(g); }
bool take_greeting(int fd, Greeting& g) {
  const timeval patience{kPatience / 1000, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return ready(fd, POLLIN, kPatience) && ::recv(fd, &g, sizeof(g), MSG_WAITALL) == sizeof(g);
}

// A machine that loses its power says nothing: asked every five seconds, it is given up after 25.
void keep_alive(int fd) {
  const auto set = [&](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof(value)); };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

struct Watch::Meeting {
  std::array<uint64_t, 2> run{};
  uint16_t port = 0;
  std::size_t count = 0;
  std::array<uint32_t, kAddresses> addresses{};  // IPv4, as the system has them
};

Watch::Watch(int rank, int size) : rank_(rank), sockets_(rank == 0 ? static_cast<std::size_t>(size) : 1, -1) {
  Meeting meeting;
  int listener = -1;
  if (rank == 0) {
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    socklen_t length = sizeof(any);
    const bool random = ::getrandom(meeting.run.data(), sizeof(meeting.run), 0) == sizeof(meeting.run);
    if (random && listener >= 0 && ::bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof(any)) == 0 &&
        ::listen(listener, size) == 0 && ::getsockname(listener, reinterpret_cast<sockaddr*>(&any), &length) == 0)
      meeting.port = any.sin_port;
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) == 0) {
      for (const ifaddrs* one = all; one && meeting.count < kAddresses; one = one->ifa_next)
        if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET)
          meeting.addresses[meeting.count++] = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr;
      ::freeifaddrs(all);
    }
  }
  MPI_Bcast(&meeting, sizeof(meeting), MPI_BYTE, 0, MPI_COMM_WORLD);
  std::atomic<bool> met = false;
  std::thread door;
  if (rank == 0 && meeting.port != 0)
    door = std::thread([&] {
      while (!met)
        if (ready(listener, POLLIN, 20)) accept_all(meeting, listener);
    });
  if (rank != 0 && meeting.port != 0) sockets_[0] = reach(meeting);
  MPI_Barrier(MPI_COMM_WORLD);  // all have tried
  met = true;
  if (door.joinable()) door.join();
  if (listener >= 0) ::close(listener);
}

Watch::~Watch() {
  for (const int fd : sockets_)
    if (fd >= 0) ::close(fd);
}

void Watch::accept_all(const Meeting& meeting, int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  Greeting theirs;
  const bool known = take_greeting(fd, theirs) && theirs.run == meeting.run && theirs.rank > 0 &&
                     theirs.rank < static_cast<int32_t>(sockets_.size()) &&
                     sockets_[static_cast<std::size_t>(theirs.rank)] < 0 && send_greeting(fd, {meeting.run, 0});
  if (!known) {
    ::close(fd);
    return;
  }
  keep_alive(fd);
  sockets_[static_cast<std::size_t>(theirs.rank)] = fd;
}

int Watch::reach(const Meeting& meeting) const {
  for (std::size_t i = 0; i < meeting.count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = meeting.port;
    to.sin_addr.s_addr = meeting.addresses[i];
    const bool begun = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0 || errno == EINPROGRESS;
    int error = 0;
    socklen_t length = sizeof(error);
    if (begun && ready(fd, POLLOUT, kPatience) && ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 &&
        error == 0) {
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
      Greeting answer;
      if (send_greeting(fd, {meeting.run, rank_}) && take_greeting(fd, answer) && answer.run == meeting.run) {
        keep_alive(fd);
        return fd;
      }
    }
    ::close(fd);
  }
  return -1;
}

int Watch::gone() {
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    int& fd = sockets_[i];
    if (fd < 0) continue;
    char byte = 0;
    const auto n = ::recv(fd, &byte, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
    ::close(fd);
    fd = -1;
    if (n == 1) return kSaid;
    // The others are told that this process says it.
    for (const int other : sockets_)
      if (other >= 0) ::send(other, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    return static_cast<int>(i);
  }
  return kNone;
}

}  // namespace storm
