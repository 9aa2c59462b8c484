#include "metrics/ngram_table.h"

#include <functional>

namespace storm {

uint64_t NgramTable::mix(uint64_t x) {
  x *= 0x9E3779B97F4A7C15u;
  return x ^ x >> 32;
}

void NgramTable::clear() {
  // A slot of an earlier round is free; when the rounds run out, all are made so.
  if (++round_ == 0) {
    for (auto* slots : {&token_slots_, &pair_slots_})
      for (Slot& s : *slots) s.round = 0;
    round_ = 1;
  }
  entries_.resize(1);
  tokens_.resize(1);
  text_.clear();
  used_tokens_ = used_pairs_ = 0;
  reference_ = hypothesis_ = 0;
}

void NgramTable::begin_reference() { ++reference_; }
void NgramTable::begin_hypothesis() { ++hypothesis_; }

uint32_t NgramTable::new_entry() {
  entries_.emplace_back();
  return static_cast<uint32_t>(entries_.size() - 1);
}

// The slot that holds the token, or the free one where it belongs.
std::size_t NgramTable::token_slot(std::string_view token, uint64_t hash) const {
  const std::size_t mask = token_slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& s = token_slots_[at];
    if (s.round != round_) return at;
    if (s.key != hash) continue;
    const Token& t = tokens_[s.id];
    if (std::string_view(text_).substr(t.begin, t.size) == token) return at;
  }
}

std::size_t NgramTable::pair_slot(uint64_t key) const {
  const std::size_t mask = pair_slots_.size() - 1;
  for (std::size_t at = mix(key) & mask;; at = (at + 1) & mask)
    if (pair_slots_[at].round != round_ || pair_slots_[at].key == key) return at;
}

void NgramTable::grow(std::vector<Slot>& slots, std::size_t used) {
  if (used * 2 < slots.size()) return;
  std::vector<Slot> old(slots.size() * 2);
  old.swap(slots);
  const bool pairs = &slots == &pair_slots_;
  const std::size_t mask = slots.size() - 1;
  for (const Slot& s : old) {
    if (s.round != round_) continue;
    std::size_t at = (pairs ? mix(s.key) : s.key) & mask;
    while (slots[at].round == round_) at = (at + 1) & mask;
    slots[at] = s;
  }
}

uint32_t NgramTable::add_token(std::string_view token) {
  grow(token_slots_, used_tokens_);
  const uint64_t hash = std::hash<std::string_view>()(token);
  Slot& s = token_slots_[token_slot(token, hash)];
  if (s.round != round_) {
    s = {hash, round_, new_entry()};
    tokens_.resize(entries_.size());
    tokens_[s.id] = {text_.size(), token.size()};
    text_ += token;
    ++used_tokens_;
  }
  return s.id;
}

uint32_t NgramTable::find_token(std::string_view token) const {
  const Slot& s = token_slots_[token_slot(token, std::hash<std::string_view>()(token))];
  return s.round == round_ ? s.id : absent;
}

uint32_t NgramTable::add_pair(uint32_t prefix, uint32_t token) {
  grow(pair_slots_, used_pairs_);
  const uint64_t key = uint64_t{prefix} << 32 | token;
  Slot& s = pair_slots_[pair_slot(key)];
  if (s.round != round_) {
    s = {key, round_, new_entry()};
    ++used_pairs_;
  }
  return s.id;
}

uint32_t NgramTable::find_pair(uint32_t prefix, uint32_t token) const {
  const Slot& s = pair_slots_[pair_slot(uint64_t{prefix} << 32 | token)];
  return s.round == round_ ? s.id : absent;
}

void NgramTable::add(uint32_t ngram) {
  Entry& e = entries_[ngram];
  if (e.reference != reference_) {
    e.reference = reference_;
    e.current = 0;
  }
  if (++e.current > e.count) e.count = e.current;
}

bool NgramTable::match(uint32_t ngram) {
  Entry& e = entries_[ngram];
  if (e.hypothesis != hypothesis_) {
    e.hypothesis = hypothesis_;
    e.matched = 0;
  }
  return ++e.matched <= e.count;
}

}  // namespace storm
