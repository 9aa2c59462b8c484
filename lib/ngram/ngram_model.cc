#include "ngram/ngram_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "base/split.h"
#include "ngram/ngram_text.h"
#include "stream/stream.h"
#include "stream/tokens.h"

namespace storm {

namespace {

constexpr uint64_t kNowhere = ~uint64_t{0};
constexpr float kLn10 = 2.302585093F;

Vocabulary vocabulary_in(const Document& document) {
  const auto all = vocabularies_of(document);
  require(all.contains("vocab"), document.where, ": holds no vocabulary");
  return Vocabulary::from_bytes(all.at("vocab"), document.where);
}

std::vector<uint64_t> counts_in(const Document& document) {
  std::vector<uint64_t> counts;
  for (const auto& field : split_at_commas(document.meta(kNgramCountsKey))) {
    const auto count = parse_number<uint64_t>(field);
    require(count && *count <= kMostNgrams, document.where, ": ", kNgramCountsKey, " is '",
            document.meta(kNgramCountsKey), "', not the number of n-grams of each order");
    counts.push_back(*count);
  }
  require(counts.size() <= static_cast<std::size_t>(kMostOrder) && counts[0] >= kFirstWord &&
              word_bits_of(counts[0]) <= kMostWordBits,
          document.where, ": ", kNgramCountsKey, " is '", document.meta(kNgramCountsKey), "': 1 to ", kMostOrder,
          " orders are read, of ", kFirstWord, " words or more");
  return counts;
}

}  // namespace

float NgramModel::Table::log_prob(uint64_t entry) const {
  const auto bits = bits_at(bytes, at(entry) + static_cast<uint64_t>(layout.word), EntryLayout::kProb);
  return -std::bit_cast<float>(static_cast<uint32_t>(bits));
}

NgramState::History NgramModel::Table::history(uint64_t entry) const {
  const auto backoff_at = at(entry) + static_cast<uint64_t>(layout.word + EntryLayout::kProb);
  const auto next_at = backoff_at + static_cast<uint64_t>(layout.backoff);
  const auto next = bits_at(bytes, next_at, layout.next);
  const auto end = bits_at(bytes, next_at + static_cast<uint64_t>(layout.bits()), layout.next);
  return {next, static_cast<uint32_t>(end - next),
          std::bit_cast<float>(static_cast<uint32_t>(bits_at(bytes, backoff_at, layout.backoff)))};
}

NgramModel::NgramModel(const std::string& path)
    : name_(path), document_(read_document(path, kNgramKind)), vocabulary_(vocabulary_in(document_)) {
  require(document_.meta(kVersionKey) == kStreamVersion, document_.where, ": stream version ",
          document_.meta(kVersionKey), ", this program reads version ", kStreamVersion);
  if (document_.metadata.contains("ngram.column")) column_ = document_.meta("ngram.column");
  closed_ = document_.meta(kNgramClosedKey) == "all";
  counts_ = counts_in(document_);
  word_bits_ = word_bits_of(counts_[0]);
  for (int n = 2; n <= order(); ++n) {
    const auto layout = EntryLayout::of(counts_, n);
    const auto count = counts_[static_cast<std::size_t>(n) - 1];
    const auto bytes =
        document_.values<uint8_t>("ngram." + std::to_string(n), {static_cast<int64_t>(layout.table_bytes(count))});
    tables_.push_back({reinterpret_cast<const std::byte*>(bytes.data()), layout, count});
  }
  read_words();
  numbers_.assign(static_cast<std::size_t>(vocabulary_.size()), kUnknownWord);
  for (uint32_t n = 0; n < ids_.size(); ++n)
    if (ids_[n] >= 0) numbers_[static_cast<std::size_t>(ids_[n])] = n;
  for (int32_t id = 0; id < vocabulary_.size(); ++id) {
    const auto word = number_of(id);
    id_log_probs_.push_back(words_[word].log_prob * kLn10);
    if (word == kUnknownWord || word == kSentenceBegin) ids_of_unknown_.push_back(id);
  }
  begin_.histories[0] = words_[kSentenceBegin].history;
  begin_.length = order() > 1 ? 1 : 0;
}

// Words are checked here, the ranges of n-grams when they are read.
void NgramModel::read_words() {
  const auto count = static_cast<int64_t>(counts_[0]);
  ids_ = document_.values<int32_t>("ngram.ids", {count});
  const auto log_probs = document_.values<float>("ngram.1.log_probs", {count});
  const auto backoffs = document_.values<float>("ngram.1.backoffs", {count});
  const auto next = document_.values<int64_t>("ngram.1.next", {count});
  words_.resize(counts_[0]);
  auto end = static_cast<int64_t>(order() > 1 ? counts_[1] : 0);
  const auto words = by_mixed_number(static_cast<uint32_t>(count), word_bits_);
  for (auto it = words.rbegin(); it != words.rend(); ++it) {
    const auto w = *it;
    require(next[w] >= 0 && next[w] <= end, document_.where, ": ngram.1.next of word ", w, " is ", next[w],
            ", and what goes on from the word behind it begins at ", end);
    words_[w] = {{static_cast<uint64_t>(next[w]), static_cast<uint32_t>(end - next[w]), backoffs[w]}, log_probs[w]};
    end = next[w];
    require(log_probs[w] <= 0 && !std::isnan(backoffs[w]), document_.where, ": word ", w,
            " has a log10 probability of ", log_probs[w], " and a back-off weight of ", backoffs[w]);
    require(ids_[w] >= -1 && ids_[w] < vocabulary_.size(), document_.where, ": ngram.ids holds ", ids_[w],
            ", and the vocabulary has ", vocabulary_.size(), " entries");
  }
}

uint64_t NgramModel::find(const Table& table, uint64_t begin, uint32_t count, uint32_t mixed) const {
  constexpr uint64_t kNear = 8;                // entries that are looked through one by one
  uint64_t low = begin, high = begin + count;  // it is at low or behind, and before high
  // The values at both ends, as far as they are known.
  uint64_t below = 0, above = uint64_t{1} << word_bits_;
  while (high > low) {
    const uint64_t middle =
        std::min(low + (high - low) * (mixed - below) / std::max<uint64_t>(above - below, 1), high - 1);
    const uint64_t word = table.word(middle);
    if (word == mixed) return middle;
    if (word < mixed) {
      low = middle + 1;
      below = word + 1;
      for (uint64_t at = low; at < std::min(low + kNear, high); ++at) {
        const auto here = table.word(at);
        if (here >= mixed) return here == mixed ? at : kNowhere;
        below = here + uint64_t{1};
      }
      low = std::min(low + kNear, high);
    } else {
      high = middle;
      above = word;
      for (uint64_t at = high; at > std::max(low, high - std::min(high - low, kNear)); --at) {
        const auto here = table.word(at - 1);
        if (here <= mixed) return here == mixed ? at - 1 : kNowhere;
        above = here;
      }
      high -= std::min(high - low, kNear);
    }
  }
  return kNowhere;
}

float NgramModel::log10_prob(const NgramState& state, uint32_t word, NgramState& next) const {
  const uint32_t mixed = mixed_word(word, word_bits_);
  float log_prob = words_[word].log_prob;
  int matched = 0;  // words before it that the n-gram which was found has
  NgramState after;
  const int most = order() - 1;
  if (most > 0) {
    after.histories[0] = words_[word].history;
    after.length = 1;
  }
  for (int k = 0; k < state.length; ++k) {
    const auto& history = state.histories[static_cast<std::size_t>(k)];
    const auto& entries = tables_[static_cast<std::size_t>(k)];
    const auto at = history.count > 0 ? find(entries, history.next, history.count, mixed) : kNowhere;
    if (at == kNowhere) {
      if (closed_) break;
      if (k + 1 < most) after.histories[static_cast<std::size_t>(k) + 1] = {};
      continue;
    }
    log_prob = entries.log_prob(at);
    matched = k + 1;
    if (matched == most) break;
    auto& found = after.histories[static_cast<std::size_t>(matched)];
    found = entries.history(at);
    const auto above = tables_[static_cast<std::size_t>(matched)].count;
    require(found.next <= above && found.count <= above - found.next, document_.where, ": entry ", at, " of the ",
            matched + 1, "-grams leaves the table of the order above; is the file damaged?");
    after.length = matched + 1;
  }
  for (int k = matched; k < state.length; ++k) log_prob += state.histories[static_cast<std::size_t>(k)].backoff;
  // What nothing goes on from, and costs nothing to leave, is not remembered.
  while (after.length > 0 && after.histories[static_cast<std::size_t>(after.length) - 1].count == 0 &&
         after.histories[static_cast<std::size_t>(after.length) - 1].backoff == 0)
    --after.length;
  next = after;
  return log_prob;
}

float NgramModel::backoff_of(const NgramState& state) {
  float backoff = 0;
  for (int k = 0; k < state.length; ++k) backoff += state.histories[static_cast<std::size_t>(k)].backoff;
  return backoff;
}

template <class Visit>
void NgramModel::each_following(const NgramState& state, float backoff, Visit&& visit) const {
  for (int k = 0; k < state.length; ++k) {
    const auto& history = state.histories[static_cast<std::size_t>(k)];
    backoff -= history.backoff;
    const auto& entries = tables_[static_cast<std::size_t>(k)];
    for (uint64_t at = history.next; at < history.next + history.count; ++at) {
      const auto word = unmixed_word(entries.word(at), word_bits_);
      require(word < counts_[0], document_.where, ": entry ", at, " of the ", k + 2, "-grams names word ", word,
              ", and there are ", counts_[0], "; is the file damaged?");
      visit(word, entries.log_prob(at) + backoff);
    }
  }
}

void NgramModel::log10_probs(const NgramState& state, std::span<float> log_probs) const {
  const float backoff = backoff_of(state);
  for (std::size_t w = 0; w < words_.size(); ++w) log_probs[w] = words_[w].log_prob + backoff;
  each_following(state, backoff, [&](uint32_t word, float log_prob) { log_probs[word] = log_prob; });
}

void NgramModel::log_probs(const NgramState& state, std::span<float> log_probs) const {
  const float backoff = backoff_of(state), all = backoff * kLn10;
  for (std::size_t id = 0; id < id_log_probs_.size(); ++id) log_probs[id] = id_log_probs_[id] + all;
  float unknown = (words_[kUnknownWord].log_prob + backoff) * kLn10;
  each_following(state, backoff, [&](uint32_t word, float log_prob) {
    const auto id = ids_[word];
    if (id >= 0) log_probs[static_cast<std::size_t>(id)] = log_prob * kLn10;
    if (word == kUnknownWord) unknown = log_prob * kLn10;
  });
  for (const auto id : ids_of_unknown_) log_probs[static_cast<std::size_t>(id)] = unknown;
}

NgramState NgramModel::after(const NgramState& state, int32_t id) const {
  const auto word = number_of(id);
  if (word == kSentenceBegin || word == kSentenceEnd) return begin_;
  NgramState next;
  log10_prob(state, word, next);
  return next;
}

NgramState NgramModel::after(std::span<const int32_t> ids) const {
  const auto most = counts_.size() - 1;  // words that count, <s> among them
  NgramState state = ids.size() < most ? begin_ : after_nothing();
  for (const auto id : ids.last(std::min(ids.size(), most))) state = after(state, id);
  return state;
}

void NgramModel::score(std::span<const Text> texts) const {
  constexpr std::size_t kLanes = 16;
  struct Lane {
    const Text* text = nullptr;
    std::size_t at = 0;
    NgramState state;
    uint32_t word() const { return at < text->words.size() ? text->words[at] : kSentenceEnd; }
  };
  std::array<Lane, kLanes> lanes;
  std::size_t used = 0, given = 0;
  const auto start = [&](Lane& lane) {
    lane = {&texts[given++], 0, begin_};
    prefetch(lane.state, lane.word());
  };
  while (used < kLanes && given < texts.size()) start(lanes[used++]);
  while (used > 0)
    for (std::size_t i = 0; i < used;) {
      Lane& lane = lanes[i];
      lane.text->log_probs[lane.at] = log10_prob(lane.state, lane.word(), lane.state);
      if (++lane.at <= lane.text->words.size()) {
        prefetch(lane.state, lane.word());
        ++i;
      } else if (given < texts.size()) {
        start(lane);
        ++i;
      } else {
        lane = lanes[--used];
      }
    }
}

void NgramModel::each(int order, const std::function<void(std::span<const uint32_t>, const NgramEntry&)>& visit) const {
  std::array<uint32_t, kMostOrder> words{};
  // Of each length, n-grams that were come by: what goes on from one is what comes next, so that no damage makes the
  // walk come by anything twice.
  std::array<uint64_t, kMostOrder + 1> passed{};
  // Behind the first `length` words, whose successors are these.
  const auto walk = [&](auto&& self, int length, const NgramState::History& history) -> void {
    if (history.count == 0) return;
    const auto& entries = table(length + 1);
    auto& at_next = passed[static_cast<std::size_t>(length) + 1];
    require(history.next == at_next && history.count <= entries.count - history.next, document_.where, ": the ", length,
            "-grams do not lead through the table of the ", length + 1, "-grams in its order; is the file damaged?");
    at_next += history.count;
    for (uint64_t at = history.next; at < history.next + history.count; ++at) {
      const auto mixed = entries.word(at);
      words[static_cast<std::size_t>(length)] = unmixed_word(mixed, word_bits_);
      require(words[static_cast<std::size_t>(length)] < counts_[0], document_.where, ": entry ", at, " of the ",
              length + 1, "-grams names a word that the model does not have; is the file damaged?");
      const bool ends = length + 1 == this->order();
      const auto below = ends ? NgramState::History{} : entries.history(at);
      if (length + 1 == order)
        visit(std::span(words).first(static_cast<std::size_t>(order)),
              {mixed, entries.log_prob(at), below.backoff, below.next});
      else
        self(self, length + 1, below);
    }
  };
  for (const auto w : by_mixed_number(static_cast<uint32_t>(counts_[0]), word_bits_)) {
    words[0] = w;
    walk(walk, 1, words_[w].history);
  }
  require(passed[static_cast<std::size_t>(order)] == table(order).count, document_.where, ": of ", table(order).count,
          " ", order, "-grams, ", passed[static_cast<std::size_t>(order)], " can be come by; is the file damaged?");
}

}  // namespace storm
