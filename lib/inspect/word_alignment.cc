#include "inspect/word_alignment.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/number.h"

namespace storm {

namespace {

void sort_unique(Links& links) {
  std::sort(links.begin(), links.end());
  links.erase(std::unique(links.begin(), links.end()), links.end());
}

int64_t common(const Links& a, const Links& b) {
  Links both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return static_cast<int64_t>(both.size());
}

double share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 1;
}

}  // namespace

std::string pharaoh(const Links& links) {
  std::string text;
  for (const auto& [source, target] : links)
    text += (text.empty() ? "" : " ") + std::to_string(source) + "-" + std::to_string(target);
  return text;
}

Links links_of(std::span<const int32_t> attended, std::span<const PieceWords> source,
               std::span<const PieceWords> target) {
  Links links;
  for (std::size_t j = 0; j < attended.size(); ++j) {
    if (attended[j] < 0) continue;
    const auto &from = source[static_cast<std::size_t>(attended[j])], &to = target[j];
    for (int32_t s = from.first; s < from.first + from.count; ++s)
      for (int32_t t = to.first; t < to.first + to.count; ++t) links.push_back({s, t});
  }
  sort_unique(links);
  return links;
}

GoldAlignment GoldAlignments::next(int32_t source, int32_t target) {
  require(input_.read_line(text_), input_.name(), ": ends after line ", line_,
          ", the input has more sentences; the gold file has a line for each");
  ++line_;
  GoldAlignment gold;
  constexpr std::string_view kBlank = " \t\r";
  for (std::size_t begin = 0; (begin = text_.find_first_not_of(kBlank, begin)) != text_.npos;) {
    const auto end = std::min(text_.find_first_of(kBlank, begin), text_.size());
    const auto word = std::string_view(text_).substr(begin, end - begin);
    begin = end;
    const auto middle = word.find_first_not_of("0123456789");
    const bool whole = middle != word.npos;
    const auto from = parse_number<int32_t>(word.substr(0, middle));
    const auto to = whole ? parse_number<int32_t>(word.substr(middle + 1)) : std::nullopt;
    const char kind = whole ? word[middle] : ' ';
    require(from && to && *from >= 0 && *to >= 0 && (kind == '-' || kind == '?' || kind == 'p'), input_.name(),
            ": line ", line_, ": '", word, "' is no link; write 0-0 for a sure one, 0?0 or 0p0 for a possible one");
    require(*from < source && *to < target, input_.name(), ": line ", line_, ": link ", word, " is outside a pair of ",
            source, " and ", target,
            " tokens (counted from 0); is it the alignment of this text, and of this --align-level?");
    gold.possible.push_back({*from, *to});
    if (kind == '-') gold.sure.push_back({*from, *to});
  }
  sort_unique(gold.sure);
  sort_unique(gold.possible);
  return gold;
}

void GoldAlignments::require_end() {
  require(!input_.read_line(text_), input_.name(), ": has more lines than the input's ", line_,
          " sentences; tokenize drops pairs with an empty side, unless told --empty keep");
}

void AlignmentCounts::add(const Links& found, const GoldAlignment& gold) {
  links += static_cast<int64_t>(found.size());
  sure += static_cast<int64_t>(gold.sure.size());
  found_sure += common(found, gold.sure);
  found_possible += common(found, gold.possible);
}

double AlignmentCounts::precision() const { return share(found_possible, links); }
double AlignmentCounts::recall() const { return share(found_sure, sure); }
double AlignmentCounts::aer() const { return 1 - share(found_sure + found_possible, links + sure); }

}  // namespace storm
