#include "ngram/arpa_order.h"

#include "ngram/record_sorter.h"

namespace storm {

namespace {

template <int K>
class Order final : public ArpaOrder {
 public:
  Order(int order, int bits, std::size_t memory)
      : order_(order), bits_(bits), memory_(memory), sorter_(std::in_place, memory) {}

  void add(const ArpaGram& gram) override {
    sorter_->push({PackedWords<K>::of(std::span(gram.words).first(static_cast<std::size_t>(order_)), bits_),
                   gram.log_prob, gram.backoff, gram.line});
  }

  std::optional<ArpaGram> sort() override {
    sorter_->finish();
    std::optional<Record> before;
    while (const auto* record = sorter_->next()) {
      if (before && before->words == record->words) {
        auto twice = unpacked(*record);
        twice.line = std::max(record->line, before->line);
        return twice;
      }
      grams_.push(*record);
      before = *record;
    }
    sorter_.reset();
    return {};
  }

  void rewind() override { grams_.rewind(); }
  bool next(ArpaGram& gram) override {
    const auto* record = grams_.next();
    if (record) gram = unpacked(*record);
    return record;
  }

  void expect(std::span<const uint32_t> words) override {
    if (!expected_) expected_.emplace(memory_);
    expected_->push({PackedWords<K>::of(words, bits_)});
  }
  bool holds_expected() override {
    if (!expected_) return true;
    expected_->finish();
    grams_.rewind();
    bool all = true;
    while (const auto* words = expected_->next()) {
      const Record* record = grams_.next();
      while (record && record->words < words->words) record = grams_.next();
      all = record && record->words == words->words;
      if (!all) break;
    }
    expected_.reset();
    return all;
  }

 private:
  struct Record {
    PackedWords<K> words;
    float log_prob = 0, backoff = 0;
    uint32_t line = 0;

    bool combine(const Record&) { return false; }
  };
  struct Words {
    PackedWords<K> words;

    bool combine(const Words& other) { return words == other.words; }
  };

  ArpaGram unpacked(const Record& record) const {
    ArpaGram gram{{}, record.log_prob, record.backoff, record.line};
    for (int k = 0; k < order_; ++k) gram.words[static_cast<std::size_t>(k)] = record.words.word(k, bits_);
    return gram;
  }

  int order_, bits_;
  std::size_t memory_;
  std::optional<RecordSorter<Record>> sorter_;
  std::optional<RecordSorter<Words>> expected_;
  Sequence<Record> grams_;
};

}  // namespace

std::unique_ptr<ArpaOrder> make_arpa_order(int order, int word_bits, std::size_t memory) {
  return with_packed_parts(order, word_bits, [&](auto k) -> std::unique_ptr<ArpaOrder> {
    return std::make_unique<Order<k()>>(order, word_bits, memory);
  });
}

}  // namespace storm
