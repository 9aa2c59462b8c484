// Windows of rows that the first of several processes reads, for all of them.
#pragma once

#include "tools/model_rows.h"
#include "train/packed_message.h"
#include "train/replicas.h"

namespace storm {

class SharedWindows {
 public:
  explicit SharedWindows(Replicas& replicas) : replicas_(replicas) {}

  // The first process's; a window of no columns is the end.
  void send(const Window& window) const {
    if (replicas_.is_alone()) return;
    PackedMessage message;
    message.put(window.columns);
    replicas_.broadcast(message.bytes());
  }
  void send_end() const { send(Window(0)); }

  // Calls work(window) with each, in the processes behind the first.
  template <class Work>
  void receive(Work&& work) const {
    while (true) {
      PackedMessage message;
      replicas_.broadcast(message.bytes());
      std::vector<std::vector<std::vector<int32_t>>> columns;
      message.take(columns);
      if (columns.empty()) return;
      Window window(columns.size());
      for (std::size_t c = 0; c < columns.size(); ++c) window.columns[c].assign(columns[c].begin(), columns[c].end());
      work(window);
    }
  }

  // Rows of a window that this process works on, where they are dealt one by one.
  std::vector<std::size_t> own_rows(const Window& window) const {
    std::vector<std::size_t> own;
    for (auto r = static_cast<std::size_t>(replicas_.rank()); r < static_cast<std::size_t>(window.size());
         r += static_cast<std::size_t>(replicas_.size()))
      own.push_back(r);
    return own;
  }
  // Those rows of the columns.
  std::vector<std::vector<std::span<const int32_t>>> own_columns(const Window& window) const {
    std::vector<std::vector<std::span<const int32_t>>> columns(window.columns.size());
    for (std::size_t c = 0; c < columns.size(); ++c)
      for (const std::size_t r : own_rows(window)) columns[c].push_back(window.columns[c][r]);
    return columns;
  }
  // The process of each row.
  std::vector<std::size_t> owners(const Window& window) const {
    std::vector<std::size_t> owner(static_cast<std::size_t>(window.size()));
    for (std::size_t r = 0; r < owner.size(); ++r) owner[r] = r % static_cast<std::size_t>(replicas_.size());
    return owner;
  }

 private:
  Replicas& replicas_;
};

}  // namespace storm
