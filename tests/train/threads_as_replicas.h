// Processes of one run, played by threads of a test: messages lie in one table that all of them see.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "train/replicas.h"

namespace storm::test {

class ThreadsAsReplicas {
 public:
  // Calls work(replicas) in so many threads, one for each rank, at the same time.
  static void run(int size, const std::function<void(Replicas&)>& work) {
    Table table;
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    for (int r = 0; r < size; ++r)
      threads.emplace_back([&, r] {
        try {
          One one(table, r, size);
          work(one);
        } catch (...) {
          failures[static_cast<std::size_t>(r)] = std::current_exception();
        }
      });
    for (auto& t : threads) t.join();
    for (const auto& f : failures)
      if (f) std::rethrow_exception(f);
  }

 private:
  using Key = std::tuple<int, int, int>;  // from, to, tag
  struct Table {
    std::mutex mutex;
    std::map<Key, std::deque<std::vector<std::byte>>> sent;
  };
  class One : public Replicas {
   public:
    One(Table& table, int rank, int size) : table_(table), rank_(rank), size_(size) {}
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    std::string name(int rank) const override { return "rank " + std::to_string(rank); }
    int place() const override { return rank_; }
    Message send(int to, int tag, std::span<const std::byte> x) override {
      const std::scoped_lock lock(table_.mutex);
      table_.sent[{rank_, to, tag}].emplace_back(x.begin(), x.end());
      bytes_sent_ += x.size();
      return kSent;
    }
    Message receive(int from, int tag, std::span<std::byte> x) override {
      const Key key{from, rank_, tag};
      wanted_[++last_] = {key, x};
      order_[key].push_back(last_);
      return last_;
    }
    bool is_through(Message message) override {
      if (message == kSent) return true;
      const std::scoped_lock lock(table_.mutex);
      for (auto& [key, waiting] : order_)  // as MPI does, whoever asks moves all that has come
        for (auto& come = table_.sent[key]; !come.empty() && !waiting.empty(); come.pop_front(), waiting.pop_front()) {
          const auto wanted = wanted_.find(waiting.front());
          if (come.front().size() != wanted->second.second.size()) throw std::logic_error("a message of another size");
          std::ranges::copy(come.front(), wanted->second.second.begin());
          wanted_.erase(wanted);
        }
      return !wanted_.contains(message);
    }
    void require_alive() override {}
    void finish() override {}

   private:
    static constexpr Message kSent = 0;
    Table& table_;
    int rank_, size_;
    Message last_ = kSent;
    std::map<Message, std::pair<Key, std::span<std::byte>>> wanted_;
    std::map<Key, std::deque<Message>> order_;
  };
};

}  // namespace storm::test
