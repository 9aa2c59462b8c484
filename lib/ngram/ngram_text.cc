#include "ngram/ngram_text.h"

#include <functional>
#include <optional>

#include "base/error.h"
#include "base/input.h"
#include "base/printable.h"
#include "stream/tokens.h"
#include "text/list_vocabulary.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace storm {

namespace {

constexpr std::string_view kUnknownText = kSpecialWords[1];

class Lines final : public NgramText {
 public:
  explicit Lines(Input input) : input_(std::move(input)) {
    for (const auto word : {kUnknownText, kSpecialWords[2], kSpecialWords[3]}) words_.add(word);
  }

  bool next(std::vector<uint32_t>& words) override {
    words.clear();
    if (!input_.read_line(line_)) return false;
    ++number_;
    for (char& c : line_)
      if (c == '\0') c = ' ';
    each_word(line_, [&](std::string_view word) {
      const auto before = words_.size();
      const auto number = words_.add(word);
      if (number == before) check(word);
      if (number == static_cast<int32_t>(kSentenceBegin) || number == static_cast<int32_t>(kSentenceEnd)) refuse(word);
      words.push_back(static_cast<uint32_t>(number));
    });
    some_ = some_ || !words.empty();
    return true;
  }
  uint32_t size() const override { return static_cast<uint32_t>(words_.size()); }
  NgramWords words() const override {
    require(some_ && size() > kFirstWord, input_.name(), ": holds no word");
    return listed(words_);
  }

 private:
  // Of a new word.
  void check(std::string_view word) const {
    if (word == kSpecialWords[0]) refuse(word);
    const auto valid = valid_utf8_prefix(word);
    require(valid == word.size(), input_.name(), ": line ", number_, ": invalid UTF-8 at byte ",
            static_cast<std::size_t>(word.data() - line_.data()) + valid, "; mend it, or leave it out");
  }
  [[noreturn]] void refuse(std::string_view word) const { refuse_mark(str(input_.name(), ": line ", number_), word); }

  Input input_;
  std::string line_;
  int64_t number_ = 0;
  WordIndex words_;
  bool some_ = false;
};

class Pieces final : public NgramText {
 public:
  explicit Pieces(Input input) : reader_(StreamReader(std::move(input))) {
    require(reader_.info().columns.size() == 1, reader_.name(), ": has ", reader_.info().columns.size(),
            " columns, and an n-gram model is counted from one");
    column_ = reader_.info().columns[0];
    const auto* bytes = reader_.info().vocabulary(column_);
    require(bytes != nullptr, reader_.name(), ": holds no vocabulary; make it with tokenize");
    bytes_ = *bytes;
    const auto vocabulary = Vocabulary::from_bytes(bytes_, reader_.name());
    require(vocabulary.eos_id() >= 0, reader_.name(), ": its vocabulary has no end of sentence");
    reader_.limit(column_, vocabulary.size());
    numbers_.assign(static_cast<std::size_t>(vocabulary.size()), 0);
    ids_ = {vocabulary.unk_id(), vocabulary.bos_id(), vocabulary.eos_id()};
    name_of_ = [vocabulary](int32_t id) { return vocabulary.piece(id); };
    for (std::size_t n = 0; n < ids_.size(); ++n)
      if (ids_[n] >= 0) numbers_[static_cast<std::size_t>(ids_[n])] = static_cast<uint32_t>(n);
  }

  bool next(std::vector<uint32_t>& words) override {
    words.clear();
    while (row_ == batch_rows()) {
      batch_ = reader_.next();
      row_ = 0;
      if (!batch_) return false;
    }
    ++sentences_;
    for (const int32_t id : batch_->column(column_)[row_]) words.push_back(number_of(id));
    ++row_;
    some_ = some_ || !words.empty();
    return true;
  }
  uint32_t size() const override { return static_cast<uint32_t>(ids_.size()); }
  NgramWords words() const override {
    require(some_ && size() > kFirstWord, reader_.name(), ": holds no word");
    return {bytes_, ids_, column_};
  }

 private:
  int64_t batch_rows() const { return batch_ ? batch_->size() : 0; }
  uint32_t number_of(int32_t id) {
    auto& number = numbers_[static_cast<std::size_t>(id)];
    require(id != ids_[kSentenceBegin] && id != ids_[kSentenceEnd], reader_.name(), ": row ", sentences_, ": holds ",
            printable(name_of_(id)), ", which models put round sentences themselves");
    if (number == 0 && id != ids_[kUnknownWord]) {
      number = size();
      ids_.push_back(id);
    }
    return number;
  }

  TokenReader reader_;
  std::string column_, bytes_;
  std::function<std::string(int32_t)> name_of_;
  std::vector<uint32_t> numbers_;  // of each id; 0: it did not come yet, or is the unknown word
  std::vector<int32_t> ids_;       // of each number
  std::optional<TokenBatch> batch_;
  int64_t row_ = 0, sentences_ = 0;
  bool some_ = false;
};

}  // namespace

NgramWords listed(const WordIndex& words) {
  std::vector<std::string_view> entries;
  for (auto n = static_cast<int32_t>(kFirstWord); n < words.size(); ++n) entries.push_back(words.word(n));
  NgramWords result{list_bytes(ListKind::words, entries), {}, {}};
  for (int32_t n = 0; n < words.size(); ++n) result.ids.push_back(n + 1);  // a list begins with <pad>
  return result;
}

std::unique_ptr<NgramText> open_ngram_text(const std::string& path) {
  Input input(path);
  if (begins_stream(input)) return std::make_unique<Pieces>(std::move(input));
  return std::make_unique<Lines>(std::move(input));
}

// A stream begins with the length of its header, a multiple of 8 below 2^27, in 8 bytes, the lowest first, and "{".
// They are looked at one by one, so that a short line that is typed by hand is known for text as soon as it is there.
bool begins_stream(Input& input) {
  for (std::size_t n = 1; n <= 9; ++n) {
    const auto begin = input.peek(n);
    if (begin.size() < n) return false;
    const auto byte = static_cast<unsigned char>(begin[n - 1]);
    if (!(n == 1 ? byte % 8 == 0 : n < 4 || (n == 4 ? byte < 8 : byte == (n < 9 ? '\0' : '{')))) return false;
  }
  return true;
}

void refuse_mark(const std::string& where, std::string_view word) {
  fail(where, ": holds ", word,
       ", which is no word of a text: models keep it for themselves; take it out, or write it otherwise");
}

}  // namespace storm
