// A run's figures as tab-separated values, one line a report, for plotting.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "train/state.h"

namespace storm {

class RunLog {
 public:
  // path: empty for none. A run that goes on keeps the lines up to the step `logged`, the last that its checkpoint
  // knows of, and drops later ones, which it will write again; 0 starts anew. Throws Error when the file cannot be
  // written or is no such log.
  // measures: those of the validation, a column each. losses: where there are several, each has two columns more.
  RunLog(std::string path, int64_t logged, const std::vector<std::string>& measures,
         const std::vector<std::string>& losses = {});
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // One line: of the state's interval, and of its validation where that is of this step. A line that cannot be written
  // is left out, whole, and the first such is warned of: a full disk of the log's ends no training.
  void add(const TrainState& state, double rate);

 private:
  void put(std::string_view line);

  std::string path_;
  std::vector<std::string> measures_;
  std::size_t losses_;  // that have columns of their own
  int fd_ = -1;
  bool warned_ = false;
};

}  // namespace storm
