#include "train/replicas.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/log.h"

namespace storm {

namespace {

enum Tag : int { kSums = 1, kLength, kBytes };

class Alone : public Replicas {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string name(int) const override { return "the only process"; }
  int place() const override { return 0; }
  Message send(int, int, std::span<const std::byte>) override { fail("one process alone has nobody to send to"); }
  Message receive(int, int, std::span<std::byte>) override { fail("one process alone has nobody to hear from"); }
  bool is_through(Message) override { return true; }
  void require_alive() override {}
  void finish() override {}
};

}  // namespace

Replicas& one_process() {
  static Alone one;
  return one;
}

void Replicas::wait(Message message) {
  constexpr uint64_t kSpins = 1 << 10;  // before the core is offered to others, of which a process may be waited for
  constexpr double kPatience = 1;       // seconds between two looks at who is there
  double looked = 0;
  for (uint64_t spins = 0; !is_through(message); ++spins) {
    if (spins < kSpins) continue;
    ::sched_yield();
    if (spins % kSpins != 0) continue;
    const double now = monotonic_seconds();
    if (looked > 0 && now - looked < kPatience) continue;
    if (looked > 0) require_alive();
    looked = now;
  }
}

void Replicas::wait_all(std::span<const Message> messages) {
  for (const Message m : messages) wait(m);
}

void Replicas::sum(std::span<double> x) {
  if (is_alone() || x.empty()) return;
  std::vector<double> all(x.size() * static_cast<std::size_t>(size()));
  const auto of = [&](int r) { return std::span(all).subspan(static_cast<std::size_t>(r) * x.size(), x.size()); };
  std::vector<Message> messages;
  for (int r = 0; r < size(); ++r) {
    if (r == rank()) continue;
    messages.push_back(receive(r, kSums, std::as_writable_bytes(of(r))));
  }
  for (int r = 0; r < size(); ++r)
    if (r != rank()) messages.push_back(send(r, kSums, std::as_bytes(std::span<const double>(x))));
  wait_all(messages);
  std::ranges::copy(x, of(rank()).begin());
  std::ranges::fill(x, 0.0);
  for (int r = 0; r < size(); ++r) {
    const auto theirs = of(r);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += theirs[i];
  }
}

bool Replicas::any(bool mine) {
  double count = mine ? 1 : 0;
  sum({&count, 1});
  return count > 0;
}

void Replicas::fail_together(const std::string& text) {
  if (is_alone()) fail(text);
  if (is_first()) error_line(text);
  any(true);  // nobody ends, and ends the others, before it was said
  throw Reported(text);
}

void Replicas::send_bytes(int to, std::span<const std::byte> x) {
  const uint64_t length = x.size();
  const std::array messages{send(to, kLength, std::as_bytes(std::span(&length, 1))), send(to, kBytes, x)};
  wait_all(messages);
}

std::vector<std::byte> Replicas::receive_bytes(int from) {
  uint64_t length = 0;
  wait(receive(from, kLength, std::as_writable_bytes(std::span(&length, 1))));
  std::vector<std::byte> x(length);
  wait(receive(from, kBytes, x));
  return x;
}

void Replicas::broadcast(std::span<std::byte> x, int from) {
  if (rank() != from) return wait(receive(from, kBytes, x));
  std::vector<Message> messages;
  for (int r = 0; r < size(); ++r)
    if (r != from) messages.push_back(send(r, kBytes, x));
  wait_all(messages);
}

void Replicas::broadcast(std::vector<std::byte>& x, int from) {
  uint64_t length = x.size();
  broadcast(std::as_writable_bytes(std::span(&length, 1)), from);
  x.resize(length);
  broadcast(std::span<std::byte>(x), from);
}

}  // namespace storm
