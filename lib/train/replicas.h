// The processes of one run, each with the whole model and a share of the work, and what they tell one another. Whatever
// they add up is added in the order of ranks, so that bits depend on how many there are and not on when a message
// comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace storm {

// What carries the messages: MPI (lib/mpi), or nothing where there is one process.
class Replicas {
 public:
  virtual ~Replicas() = default;

  virtual int rank() const = 0;  // from 0
  virtual int size() const = 0;
  virtual std::string name(int rank) const = 0;  // "rank 2 (process 4711 on node7)"
  virtual int place() const = 0;                 // among the processes of this machine, from 0
  bool is_alone() const { return size() == 1; }
  bool is_first() const { return rank() == 0; }

  // A message that is under way; its memory is borrowed until it is through. Between two processes those of one tag
  // (from 0 to 2^15) arrive in the order in which they were sent.
  using Message = std::size_t;
  virtual Message send(int to, int tag, std::span<const std::byte> x) = 0;
  virtual Message receive(int from, int tag, std::span<std::byte> x) = 0;
  // Whether it is through; after that its number means nothing. Messages only move while someone asks.
  virtual bool is_through(Message message) = 0;
  // Throws Error when a process that is waited for has gone.
  virtual void require_alive() = 0;
  // The end, together: a process that ends without it has failed, and the others are ended, too.
  virtual void finish() = 0;
  void wait(Message message);
  void wait_all(std::span<const Message> messages);

  // Together: each process calls these in the same order.

  // x becomes the sum over all processes.
  void sum(std::span<double> x);
  // Whether any process says so.
  bool any(bool mine);
  // x becomes what one process has, the first unless another is named.
  void broadcast(std::span<std::byte> x, int from = 0);
  void broadcast(std::vector<std::byte>& x, int from = 0);  // of any length

  // Throws Error on each process, which the first one alone has said then (Reported).
  [[noreturn]] void fail_together(const std::string& text);

  // Of any length, to the process that asks for it.
  void send_bytes(int to, std::span<const std::byte> x);
  std::vector<std::byte> receive_bytes(int from);

  uint64_t bytes_sent() const { return bytes_sent_; }

 protected:
  uint64_t bytes_sent_ = 0;  // by send()
};

// One process that has nobody to talk to.
Replicas& one_process();

// The processes that a launcher (mpirun, mpiexec, srun) started this one among, or one_process() where it is one of
// one. They stay connected to the program's end. Throws Error that says what is missing, above all libstorm_mpi.so.
Replicas& open_replicas();
// Whether a launcher started this process, be it alone: its pipes look like terminals.
bool is_launched();

}  // namespace storm
