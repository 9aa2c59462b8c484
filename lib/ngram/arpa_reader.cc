#include "ngram/arpa_reader.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "ngram/arpa_order.h"
#include "ngram/arpa_text.h"
#include "ngram/ngram_tables.h"
#include "ngram/ngram_text.h"
#include "ngram/sequence.h"
#include "stream/document.h"
#include "text/list_vocabulary.h"
#include "text/shown_word.h"
#include "text/utf8.h"
#include "text/word_index.h"

namespace storm {

namespace {

constexpr float kMissingUnknown = -100;  // KenLM's

class Reading {
 public:
  Reading(const MappedFile& file, std::size_t memory)
      : file_(file), text_(file), memory_(memory), progress_("reading n-grams", file.bytes().size()) {
    for (const auto word : std::span(kSpecialWords).subspan(1)) index_.add(word);
    read_words();
    for (int n = 2; n <= text_.order(); ++n) {
      read_order(n);
      link(n);
    }
    text_.end();
  }

  ArpaImport write(const std::string& command, Output& output) {
    auto counts = text_.counts();
    counts[0] = words_.size();
    successors_.resize(words_.size());  // of a model of single words, none
    uint64_t next = 0;
    for (const auto word : by_mixed_number(static_cast<uint32_t>(words_.size()), bits_)) {
      words_[word].next = next;
      next += successors_[word];
    }
    const auto named = listed(index_);
    NgramTablesWriter writer(output, counts, named.vocabulary, named.ids, words_, closed_, {{kCommandKey, command}});
    for (int n = 2; n <= text_.order(); ++n) write_order(n, writer);
    writer.finish();
    return {counts, closed_};
  }

 private:
  ArpaOrder& order(int n) { return *orders_[static_cast<std::size_t>(n) - 2]; }
  // How many n-grams go on from each of order n, in its order.
  Sequence<uint32_t>& followers(int n) { return followers_[static_cast<std::size_t>(n) - 2]; }

  uint32_t find(std::string_view word) const {
    const auto number = word == "<UNK>" ? static_cast<int32_t>(kUnknownWord) : index_.find(word);
    if (number < 0) refuse(shown_word(word), " is no 1-gram");
    return static_cast<uint32_t>(number);
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    text_.refuse_at(text_.line(), parts...);
  }
  template <class... Parts>
  [[noreturn]] void refuse_gram(int n, const ArpaGram& gram, const Parts&... parts) const {
    std::string words;
    for (int k = 0; k < n; ++k) {
      const auto number = unmixed_word(gram.words[static_cast<std::size_t>(k)], bits_);
      words.append(k > 0 ? " " : "").append(index_.word(static_cast<int32_t>(number)));
    }
    text_.refuse_at(section_line_ + gram.line, "the ", n, "-gram ", shown_word(words), ' ', parts...);
  }

  void read_words() {
    text_.begin_section(1);
    words_.resize(kFirstWord);
    std::vector<bool> seen(kFirstWord);
    ArpaLine line;
    while (text_.next(line)) {
      const auto word = line.words[0];
      if (const auto valid = valid_utf8_prefix(word); valid < word.size())
        refuse("the word ", shown_word(word), " is not UTF-8; convert the file (iconv -t utf-8)");
      if (word == kSpecialWords[0]) refuse("the word ", word, ", which vocabularies keep for themselves; rename it");
      const auto number =
          static_cast<std::size_t>(word == "<UNK>" ? static_cast<int32_t>(kUnknownWord) : index_.add(word));
      if (number < words_.size() && (number >= kFirstWord || seen[number]))
        refuse("the 1-gram ", shown_word(word), " comes for the second time");
      if (number < kFirstWord)
        seen[number] = true;
      else
        words_.emplace_back();
      words_[number].log_prob = line.log_prob;
      words_[number].backoff = line.backoff;
    }
    for (const auto number : {kSentenceBegin, kSentenceEnd})
      if (!seen[number]) refuse("the 1-grams end, and ", kSpecialWords[number + 1], " is none of them");
    if (words_.size() == kFirstWord) refuse("the 1-grams end, and hold no word");
    bits_ = word_bits_of(words_.size());
    require(bits_ <= kMostWordBits, file_.name(), ": more than ", 1 << kMostWordBits, " different words");
    if (seen[kUnknownWord]) return;
    words_[kUnknownWord].log_prob = kMissingUnknown;
    note(file_.name(), ": has no <unk>, which gets a log10 probability of ", kMissingUnknown);
  }

  void read_order(int n) {
    orders_.push_back(make_arpa_order(n, bits_, memory_));
    text_.begin_section(n);
    section_line_ = text_.line();
    ArpaLine line;
    ArpaGram gram;
    for (uint64_t read = 0; text_.next(line); ++read) {
      for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k)
        gram.words[k] = mixed_word(find(line.words[k]), bits_);
      gram.log_prob = line.log_prob;
      gram.backoff = line.backoff;
      gram.line = static_cast<uint32_t>(text_.line() - section_line_);
      order(n).add(gram);
      if (read % (1 << 16) == 0) progress_.set(text_.byte());
    }
    if (const auto twice = order(n).sort()) refuse_gram(n, *twice, "comes for the second time");
  }

  // Counts how many n-grams of an order go on from each of the order below, of which they all must.
  void link(int n) {
    ArpaGram gram, history;
    auto& upper = order(n);
    upper.rewind();
    if (n == 2) {
      successors_.assign(words_.size(), 0);
      while (upper.next(gram)) ++successors_[unmixed_word(gram.words[0], bits_)];
      return;
    }
    auto& lower = order(n - 1);
    auto& counts = followers_.emplace_back();
    const auto words = static_cast<std::size_t>(n) - 1;  // of a history
    const auto compare = [&] {
      return std::lexicographical_compare_three_way(history.words.begin(), history.words.begin() + words,
                                                    gram.words.begin(), gram.words.begin() + words);
    };
    lower.rewind();
    bool some = lower.next(history);
    uint32_t count = 0;
    const auto go_on = [&] {
      counts.push(std::exchange(count, 0));
      some = lower.next(history);
    };
    while (upper.next(gram)) {
      while (some && compare() < 0) go_on();
      if (!some || compare() != 0) refuse_gram(n, gram, "has first words that are no ", n - 1, "-gram");
      ++count;
      if (closed_) lower.expect(std::span(gram.words).subspan(1, words));
    }
    while (some) go_on();
    closed_ = closed_ && lower.holds_expected();
  }

  void write_order(int n, NgramTablesWriter& writer) {
    auto& grams = order(n);
    grams.rewind();
    const bool highest = n == text_.order();
    if (!highest) followers(n).rewind();
    ArpaGram gram;
    uint64_t next = 0;
    while (grams.next(gram)) {
      writer.add({gram.words[static_cast<std::size_t>(n) - 1], gram.log_prob, gram.backoff, next});
      if (!highest) next += *followers(n).next();
    }
  }

  const MappedFile& file_;
  ArpaText text_;
  std::size_t memory_;
  Progress progress_;
  WordIndex index_;
  std::vector<NgramTablesWriter::Word> words_;
  std::vector<uint64_t> successors_;  // 2-grams that go on from each word
  int bits_ = 0;
  std::vector<std::unique_ptr<ArpaOrder>> orders_;  // from 2 on
  std::vector<Sequence<uint32_t>> followers_;       // of orders from 2 on but the highest
  bool closed_ = true;
  uint64_t section_line_ = 0;  // where the section's heading stands
};

}  // namespace

ArpaImport import_arpa(const MappedFile& file, const std::string& command, Output& output, std::size_t memory) {
  auto result = Reading(file, memory).write(command, output);
  std::string counts;
  for (const auto count : result.counts) counts += (counts.empty() ? "" : ", ") + std::to_string(count);
  note(file.name(), ": ARPA, ", result.counts.size(), "-gram model of ", counts, " n-grams",
       result.closed ? "" : "; of some, the last words are none of them");
  return result;
}

}  // namespace storm
