#include "text/bpe_trainer.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

namespace storm {

BpeTrainer::BpeTrainer(std::vector<std::string>& pieces,
                       std::function<std::string(const std::string& left, const std::string& right)> joined)
    : pieces_(pieces), joined_(std::move(joined)) {}

void BpeTrainer::add_word(std::span<const int32_t> symbols, int64_t count) {
  const auto number = static_cast<uint32_t>(words_.size());
  words_.push_back({symbols_.size(), symbols.size(), count});
  symbols_.insert(symbols_.end(), symbols.begin(), symbols.end());
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) this->count(symbols[i], symbols[i + 1], count, number);
}

void BpeTrainer::count(int32_t left, int32_t right, int64_t count, uint32_t word) {
  auto& pair = pairs_[pair_key(left, right)];
  pair.count += count;
  if (count < 0) return;
  if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
  changed_.push_back({0, pair_key(left, right)});
}

void BpeTrainer::merge_in(uint32_t number, int32_t left, int32_t right, int32_t joined) {
  auto& word = words_[number];
  const auto symbols = std::span(symbols_).subspan(word.begin, word.length);
  std::size_t to = 0;
  for (std::size_t from = 0; from < symbols.size(); ++to) {
    if (from + 1 == symbols.size() || symbols[from] != left || symbols[from + 1] != right) {
      symbols[to] = symbols[from++];
      continue;
    }
    count(left, right, -word.count, number);
    if (to > 0) {
      count(symbols[to - 1], left, -word.count, number);
      count(symbols[to - 1], joined, word.count, number);
    }
    if (from + 2 < symbols.size()) {
      count(right, symbols[from + 2], -word.count, number);
      count(joined, symbols[from + 2], word.count, number);
    }
    symbols[to] = joined;
    from += 2;
  }
  word.length = to;
}

std::vector<std::pair<int32_t, int32_t>> BpeTrainer::learn(std::size_t size) {
  std::vector<std::pair<int32_t, int32_t>> merges;
  std::unordered_map<std::string, int32_t> ids;
  for (std::size_t id = 0; id < pieces_.size(); ++id) ids.emplace(pieces_[id], static_cast<int32_t>(id));
  std::priority_queue<Candidate> queue;  // of counts that may be out of date: too high
  const auto offer_changed = [&] {
    std::ranges::sort(changed_, {}, &Candidate::pair);
    const auto same = [](const Candidate& a, const Candidate& b) { return a.pair == b.pair; };
    changed_.erase(std::unique(changed_.begin(), changed_.end(), same), changed_.end());
    for (const auto& changed : changed_) queue.push({pairs_.find(changed.pair)->count, changed.pair});
    changed_.clear();
  };
  offer_changed();
  while (pieces_.size() < size && !queue.empty()) {
    const auto best = queue.top();
    queue.pop();
    auto& pair = *pairs_.find(best.pair);
    if (pair.count != best.count) {
      if (pair.count > 0 && pair.count < best.count) queue.push({pair.count, best.pair});
      continue;
    }
    if (pair.count <= 0) continue;
    const auto left = static_cast<int32_t>(best.pair >> 32), right = static_cast<int32_t>(best.pair & 0xFFFFFFFF);
    auto name = joined_(pieces_[static_cast<std::size_t>(left)], pieces_[static_cast<std::size_t>(right)]);
    const auto [it, is_new] = ids.emplace(name, static_cast<int32_t>(pieces_.size()));
    if (is_new) pieces_.push_back(std::move(name));
    merges.emplace_back(left, right);
    auto words = std::exchange(pair.words, {});
    std::ranges::sort(words);
    words.erase(std::unique(words.begin(), words.end()), words.end());
    for (const auto word : words) merge_in(word, left, right, it->second);
    offer_changed();
  }
  return merges;
}

}  // namespace storm
