#include "train/replicated_answers.h"

#include <cstring>

namespace storm {

namespace {

// Numbers one after another as they lie in memory: between processes of one program.
class Packed {
 public:
  Packed() = default;
  explicit Packed(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const { return bytes_; }

  template <class T>
  void put(const T& x) {
    const auto* data = reinterpret_cast<const std::byte*>(&x);
    bytes_.insert(bytes_.end(), data, data + sizeof(T));
  }
  void put(const std::vector<int32_t>& ids) {
    put(ids.size());
    for (const int32_t id : ids) put(id);
  }
  template <class T>
  void take(T& x) {
    std::memcpy(&x, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
  }
  void take(std::vector<int32_t>& ids) {
    std::size_t n = 0;
    take(n);
    ids.resize(n);
    for (int32_t& id : ids) take(id);
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
};

template <class P, class H>
void each_part(H& h, P&& part) {
  part(h.ids), part(h.score), part(h.log_prob), part(h.stopped), part(h.first);
}

}  // namespace

void ReplicatedAnswers::exchange(std::span<Hypotheses> answers, std::span<const std::size_t> owner) {
  for (int r = 0; r < replicas_.size(); ++r) {
    const bool is_own = r == replicas_.rank();
    Packed packed;
    const auto each_answer = [&](auto&& work) {
      for (std::size_t i = 0; i < answers.size(); ++i)
        if (owner[i] == static_cast<std::size_t>(r)) work(answers[i]);
    };
    if (is_own)
      each_answer([&](const Hypotheses& list) {
        packed.put(list.size());
        for (const Hypothesis& h : list) each_part(h, [&](const auto& x) { packed.put(x); });
      });
    std::vector<std::byte> bytes(packed.bytes().begin(), packed.bytes().end());
    replicas_.broadcast(bytes, r);
    if (is_own) continue;
    Packed theirs(std::move(bytes));
    each_answer([&](Hypotheses& list) {
      std::size_t n = 0;
      theirs.take(n);
      list.resize(n);
      for (Hypothesis& h : list) each_part(h, [&](auto& x) { theirs.take(x); });
    });
  }
}

}  // namespace storm
