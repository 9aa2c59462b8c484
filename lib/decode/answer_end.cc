#include "decode/answer_end.h"

#include "decode/stop_strings.h"

namespace storm {

bool AnswerEnd::operator()(std::size_t sentence, std::span<const int32_t> ids) const {
  if (at_most_ && std::ssize(ids) >= batch_.most[sentence]) return true;
  return stop_ && stop_->end(before(sentence), ids.subspan(batch_.prefixes[sentence].size()));
}

void AnswerEnd::cut(std::size_t sentence, Hypothesis& answer) const {
  if (!stop_) return;
  const std::size_t prefix = batch_.prefixes[sentence].size();
  const std::size_t kept = prefix + stop_->kept(before(sentence), std::span(answer.ids).subspan(prefix));
  answer.stopped.assign(answer.ids.begin() + static_cast<std::ptrdiff_t>(kept), answer.ids.end());
  answer.ids.resize(kept);
}

std::vector<int32_t> AnswerEnd::before(std::size_t sentence) const {
  const auto &said = batch_.said[sentence], &prefix = batch_.prefixes[sentence];
  std::vector<int32_t> all(said.begin(), said.end());
  all.insert(all.end(), prefix.begin(), prefix.end());
  return all;
}

}  // namespace storm
