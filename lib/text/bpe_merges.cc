#include "text/bpe_merges.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace storm {

void BpeMerges::apply(std::vector<Symbol>& word) const {
  constexpr std::size_t kShort = 48;  // below, looking at all pairs each time is cheaper than a queue
  word.size() <= kShort ? apply_short(word) : apply_long(word);
}

void BpeMerges::apply_short(std::vector<Symbol>& word) const {
  thread_local std::vector<Merge> merges;  // of each symbol with the next one
  merges.clear();
  for (std::size_t i = 0; i + 1 < word.size(); ++i) merges.push_back(merge_of(word[i], word[i + 1]));
  while (!merges.empty()) {
    const auto best = std::ranges::min_element(merges, {}, &Merge::rank);
    if (best->rank == kNone) return;
    const auto i = best - merges.begin();
    const auto at = word.begin() + i;
    *at = {best->joined, {at->range.begin, at[1].range.end}};
    word.erase(at + 1);
    merges.erase(best);
    const auto k = static_cast<std::size_t>(i);
    if (k < merges.size()) merges[k] = merge_of(word[k], word[k + 1]);
    if (k > 0) merges[k - 1] = merge_of(word[k - 1], word[k]);
  }
}

// A queue of pairs, some out of date: those whose symbols have changed since.
void BpeMerges::apply_long(std::vector<Symbol>& word) const {
  constexpr std::size_t kEnd = SIZE_MAX;
  struct Link {
    std::size_t before, behind;
  };
  struct Pair {
    int32_t rank;
    std::size_t at;
    int32_t left, right, joined;
    bool operator>(const Pair& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  std::vector<Link> links(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) links[i] = {i - 1, i + 1 < word.size() ? i + 1 : kEnd};
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> queue;
  const auto offer = [&](std::size_t i) {
    if (i == kEnd || links[i].behind == kEnd) return;
    const auto& left = word[i];
    const auto& right = word[links[i].behind];
    if (const auto merge = merge_of(left, right); merge.rank != kNone)
      queue.push({merge.rank, i, left.id, right.id, merge.joined});
  };
  for (std::size_t i = 0; i < word.size(); ++i) offer(i);
  while (!queue.empty()) {
    const auto pair = queue.top();
    queue.pop();
    const auto next = links[pair.at].behind;
    if (word[pair.at].id != pair.left || next == kEnd || word[next].id != pair.right) continue;
    word[pair.at] = {pair.joined, {word[pair.at].range.begin, word[next].range.end}};
    word[next].id = -1;
    links[pair.at].behind = links[next].behind;
    if (links[next].behind != kEnd) links[links[next].behind].before = pair.at;
    offer(links[pair.at].before);
    offer(pair.at);
  }
  std::erase_if(word, [](const Symbol& symbol) { return symbol.id < 0; });
}

}  // namespace storm
