// Whether all processes are still there. Not every launcher ends the others when one has died, and not every MPI tells
// them: so each keeps a TCP connection to the first one, of which the system says when the other end has gone.
#pragma once

#include <string>
#include <vector>

namespace storm {

class Watch {
 public:
  // Together, when MPI runs. A process that cannot reach the first one so within seconds is not watched.
  Watch(int rank, int size);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  static constexpr int kNone = -1, kSaid = -2;
  // A rank that has gone; kSaid: the first process has seen one go and says so itself.
  int gone();

 private:
  struct Meeting;  // where the first process waits for the others' connections
  void accept_all(const Meeting& meeting, int listener);
  int reach(const Meeting& meeting) const;

  int rank_;
  std::vector<int> sockets_;  // to each rank, of the first process; of the others, to that alone; -1: none
};

}  // namespace storm
