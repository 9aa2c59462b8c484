// A run's figures as tab-separated values, one line a report, for plotting.
#pragma once

#include <cstdint>
#include <string>

#include "train/state.h"

namespace storm {

class RunLog {
 public:
  // path: empty for none. A run that goes on from step `resumed` keeps the lines up to there and drops later ones,
  // which it will write again; 0 starts anew. Throws Error when the file cannot be written or is no such log.
  RunLog(std::string path, int64_t resumed);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // One line: of the state's interval, and of its validation where that is of this step.
  void add(const TrainState& state, double rate);

 private:
  void put(const std::string& line);

  std::string path_;
  int fd_ = -1;
};

}  // namespace storm
