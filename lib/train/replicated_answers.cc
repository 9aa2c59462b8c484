#include "train/replicated_answers.h"

#include "train/packed_message.h"

namespace storm {

void ReplicatedAnswers::exchange(std::span<Hypotheses> answers, std::span<const std::size_t> owner) {
  for (int r = 0; r < replicas_.size(); ++r) {
    const bool is_own = r == replicas_.rank();
    PackedMessage message;
    const auto each_answer = [&](auto&& work) {
      for (std::size_t i = 0; i < answers.size(); ++i)
        if (owner[i] == static_cast<std::size_t>(r)) work(answers[i]);
    };
    if (is_own)
      each_answer([&](const Hypotheses& list) {
        message.put(list.size());
        for (const Hypothesis& h : list) message.put(h.ids, h.score, h.log_prob, h.stopped, h.first);
      });
    replicas_.broadcast(message.bytes(), r);
    if (is_own) continue;
    each_answer([&](Hypotheses& list) {
      std::size_t n = 0;
      message.take(n);
      list.resize(n);
      for (Hypothesis& h : list) message.take(h.ids, h.score, h.log_prob, h.stopped, h.first);
    });
  }
}

}  // namespace storm
