// Windows of rows that the first of several processes reads, for all of them.
#pragma once

#include <cstring>
#include <numeric>

#include "tools/model_rows.h"
#include "train/replicas.h"

namespace storm {

class SharedWindows {
 public:
  explicit SharedWindows(Replicas& replicas) : replicas_(replicas) {}

  // The first process's; a window of no columns is the end.
  void send(const Window& window) const {
    if (replicas_.is_alone()) return;
    std::vector<int32_t> numbers{static_cast<int32_t>(window.columns.size())};
    for (const auto& column : window.columns) {
      numbers.push_back(static_cast<int32_t>(column.size()));
      for (const auto& ids : column) {
        numbers.push_back(static_cast<int32_t>(ids.size()));
        numbers.insert(numbers.end(), ids.begin(), ids.end());
      }
    }
    const auto bytes = std::as_bytes(std::span<const int32_t>(numbers));
    std::vector<std::byte> message(bytes.begin(), bytes.end());
    replicas_.broadcast(message);
  }
  void send_end() const { send(Window(0)); }

  // Calls work(window) with each, in the processes behind the first.
  template <class Work>
  void receive(Work&& work) const {
    while (true) {
      std::vector<std::byte> message;
      replicas_.broadcast(message);
      std::vector<int32_t> numbers(message.size() / sizeof(int32_t));
      std::memcpy(numbers.data(), message.data(), message.size());
      std::size_t at = 0;
      const auto next = [&] { return static_cast<std::size_t>(numbers[at++]); };
      Window window(next());
      if (window.columns.empty()) return;
      for (auto& column : window.columns) {
        column.resize(next());
        for (auto& ids : column) {
          const std::size_t n = next();
          ids = std::span<const int32_t>(numbers).subspan(at, n);
          at += n;
        }
      }
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
