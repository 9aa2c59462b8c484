#include "ngram/arpa_text.h"

#include <algorithm>
#include <cmath>

#include "base/number.h"
#include "base/parse_float.h"
#include "ngram/ngram_tables.h"
#include "text/list_vocabulary.h"
#include "text/shown_word.h"

namespace storm {

namespace {

constexpr std::string_view kData = "\\data\\", kEnd = "\\end\\", kCount = "ngram";

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && separates_words(text.front())) text.remove_prefix(1);
  while (!text.empty() && separates_words(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the line that begins at byte `at`, without white space around it.
std::string_view line_at(std::string_view text, std::size_t& at) {
  const auto end = std::min(text.find('\n', at), text.size());
  const auto line = trimmed(text.substr(at, end - at));
  at = std::min(end + 1, text.size());
  return line;
}

// Takes the first field; empty: there is none.
std::string_view field_of(std::string_view& line) {
  std::size_t begin = 0, end = 0;
  while (begin < line.size() && separates_words(line[begin])) ++begin;
  for (end = begin; end < line.size() && !separates_words(line[end]);) ++end;
  const auto field = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return field;
}

}  // namespace

bool holds_arpa(const MappedFile& file) {
  constexpr std::size_t kLooked = std::size_t{1} << 16;
  const auto text = text_of(file).substr(0, kLooked);
  for (std::size_t at = 0; at < text.size();)
    if (line_at(text, at) == kData) return true;
  return false;
}

ArpaText::ArpaText(const MappedFile& file) : file_(file), text_(text_of(file)) {
  for (auto line = take(); line != kData; line = take()) {
    if (line == "iARPA") refuse("an iARPA file of IRSTLM's; make an ARPA file of it with compile-lm --text yes");
    require(!line.empty(), file_.name(), ": holds no line ", kData, ", with which an ARPA file begins");
  }
  for (;;) {
    const auto at = at_;
    const auto before = line_;
    const auto line = take();
    if (!line.starts_with('\\')) {
      read_count(line);
      continue;
    }
    if (counts_.empty()) refuse(shown_word(line), " stands where 'ngram 1=COUNT' is wanted");
    at_ = at;
    line_ = before;
    return;
  }
}

std::string_view ArpaText::take() {
  constexpr std::size_t kForget = std::size_t{64} << 20;
  while (at_ < text_.size()) {
    ++line_;
    const auto line = line_at(text_, at_);
    if (at_ - forgotten_ > kForget) {
      file_.forget();
      forgotten_ = at_;
    }
    if (!line.empty()) return line;
  }
  return {};
}

// ngram N=COUNT, with white space where SRILM once wrote some.
void ArpaText::read_count(std::string_view line) {
  if (line.empty()) refuse("the file ends before the n-grams; was it cut short?");
  const auto wanted = str(counts_.size() + 1);
  auto rest = line;
  const bool counts = field_of(rest) == kCount;
  const auto equals = rest.find('=');
  if (!counts || equals == rest.npos) refuse(shown_word(line), " stands where 'ngram ", wanted, "=COUNT' is wanted");
  if (const auto order = trimmed(rest.substr(0, equals)); order != wanted)
    refuse("'ngram ", order, "' stands where 'ngram ", wanted, "' is wanted: orders come one after another, from 1 on");
  const auto field = trimmed(rest.substr(equals + 1));
  const auto count = parse_number<uint64_t>(field);
  if (!count) refuse(shown_word(field), " is no number of n-grams");
  const uint64_t most = counts_.empty() ? uint64_t{1} << kMostWordBits : kMostNgrams;
  if (*count > most) refuse(*count, " ", wanted, "-grams are more than the ", most, " that can be read");
  if (counts_.size() == static_cast<std::size_t>(kMostOrder))
    refuse("n-grams of ", wanted, " words; ", kMostOrder, " are read at most");
  counts_.push_back(*count);
}

std::string ArpaText::place() const { return str("the ", section_, "-grams"); }

void ArpaText::expect(const std::string& heading) {
  const auto line = take();
  if (line == heading) return;
  if (line.empty()) refuse("the file ends where ", heading, " is wanted; was it cut short?");
  if (section_ > 0 && !line.starts_with('\\'))
    refuse("another line in ", place(), ", and ", kData, " says ", read_, " of them");
  refuse(shown_word(line), " stands where ", heading, " is wanted");
}

void ArpaText::begin_section(int order) {
  expect(str('\\', order, "-grams:"));
  section_ = order;
  read_ = 0;
}

bool ArpaText::next(ArpaLine& gram) {
  const auto count = counts_[static_cast<std::size_t>(section_) - 1];
  if (read_ == count) return false;
  auto line = take();
  if (line.empty()) refuse("the file ends in ", place(), " after ", read_, " of ", count, "; was it cut short?");
  if (line.starts_with('\\')) refuse(place(), " end after ", read_, ", and ", kData, " says ", count);
  const auto whole = line;
  gram.log_prob = number_in(field_of(line), "log10 probability");
  if (gram.log_prob > 0) refuse("a log10 probability of ", gram.log_prob, ", which is above 0");
  for (int k = 0; k < section_; ++k) {
    auto& word = gram.words[static_cast<std::size_t>(k)];
    word = field_of(line);
    if (word.empty()) refuse(shown_word(whole), " has ", k, " words, not the ", section_, " of ", place());
  }
  const auto backoff = field_of(line);
  gram.backoff = backoff.empty() ? 0 : number_in(backoff, "back-off weight");
  if (const auto more = field_of(line); !more.empty())
    refuse(shown_word(more), " stands behind the back-off weight: more than the ", section_, " words of ", place());
  if (section_ == order() && gram.backoff != 0)
    refuse("a back-off weight of ", gram.backoff, ", and n-grams of the highest order have none");
  ++read_;
  return true;
}

float ArpaText::number_in(std::string_view field, std::string_view what) const {
  const auto value = parse_float(field);
  if (!value) refuse(shown_word(field), " stands where a ", what, " is wanted");
  if (!std::isfinite(*value)) refuse("a ", what, " of ", field);
  return *value;
}

void ArpaText::end() {
  expect(std::string(kEnd));
  if (const auto line = take(); !line.empty()) refuse(shown_word(line), " stands behind ", kEnd);
}

}  // namespace storm
