#include "ngram/arpa_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "ngram/ngram_text.h"
#include "text/list_vocabulary.h"
#include "text/shown_word.h"

namespace storm {

namespace {

// The words' names, one behind another.
class Names {
 public:
  explicit Names(const NgramModel& model) {
    for (uint32_t n = 0; n < model.counts()[0]; ++n) {
      if (n < kFirstWord) {
        add(kSpecialWords[n + 1]);
        continue;
      }
      const auto id = model.id_of(n);
      require(id >= 0, model.name(), ": word ", n, " has no name in the vocabulary; is the file damaged?");
      const std::string& name = model.vocabulary().piece(id);
      require(!name.empty() && name.find_first_of(" \t\r\n") == name.npos, model.name(), ": the word ",
              shown_word(name), " has a space, TAB, CR or LF in it, or nothing, which an ARPA file cannot hold");
      const auto special = std::ranges::find(kSpecialWords.begin() + 1, kSpecialWords.end(), name);
      require(special == kSpecialWords.end() && name != "<UNK>", model.name(), ": the word ", shown_word(name),
              " is called as an ARPA file calls another");
      add(name);
    }
  }
  std::string_view operator[](uint32_t number) const {
    return std::string_view(bytes_).substr(ends_[number], ends_[number + 1] - ends_[number]);
  }

 private:
  void add(std::string_view name) {
    bytes_ += name;
    ends_.push_back(bytes_.size());
  }
  std::string bytes_;
  std::vector<std::size_t> ends_{0};
};

class Lines {
 public:
  explicit Lines(Output& output) : output_(output) { text_.reserve(kFull + 4096); }

  Lines& operator<<(std::string_view text) {
    text_ += text;
    return *this;
  }
  template <class Number>
  requires std::is_arithmetic_v<Number> Lines& operator<<(Number value) {
    char digits[32];
    return *this << std::string_view(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  void end_line() {
    text_ += '\n';
    if (text_.size() > kFull) flush();
  }
  void flush() {
    output_.write(text_);
    text_.clear();
  }

 private:
  static constexpr std::size_t kFull = std::size_t{1} << 16;
  Output& output_;
  std::string text_;
};

}  // namespace

void write_arpa(const NgramModel& model, Output& output) {
  const Names names(model);
  Lines lines(output);
  lines << "\\data\\\n";
  for (int n = 1; n <= model.order(); ++n) {
    lines << "ngram " << n << "=" << model.counts()[static_cast<std::size_t>(n) - 1];
    lines.end_line();
  }
  const auto heading = [&](int n) { lines << "\n\\" << n << "-grams:\n"; };
  const auto write = [&](int n, std::span<const uint32_t> words, float log_prob, float backoff) {
    require(std::isfinite(log_prob) && std::isfinite(backoff), model.name(), ": a ", n,
            "-gram has a log10 probability of ", log_prob, " and a back-off weight of ", backoff,
            ", and an ARPA file holds numbers");
    lines << log_prob + 0.0F << "\t";  // tables have no sign, which makes 0 a -0
    for (std::size_t k = 0; k < words.size(); ++k) lines << (k > 0 ? " " : "") << names[words[k]];
    if (n < model.order()) lines << "\t" << backoff;
    lines.end_line();
  };
  heading(1);
  for (uint32_t word = 0; word < model.counts()[0]; ++word)
    write(1, {&word, 1}, model.log10_prob_of(word), model.backoff_of(word));
  for (int n = 2; n <= model.order(); ++n) {
    heading(n);
    model.each(n, [&](std::span<const uint32_t> words, const NgramEntry& entry) {
      write(n, words, entry.log_prob, entry.backoff);
    });
  }
  lines << "\n\\end\\\n";
  lines.flush();
}

}  // namespace storm
