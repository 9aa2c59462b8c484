// Word alignments: links between the tokens of a sentence pair, in Pharaoh format, and how good they are.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/input.h"
#include "inspect/words.h"

namespace storm {

struct Link {
  int32_t source, target;  // from 0
  auto operator<=>(const Link&) const = default;
};
using Links = std::vector<Link>;  // rising, none twice

std::string pharaoh(const Links& links);  // "0-0 1-2", without the line's end

// The links between words (or pieces) where each target piece attends to one source piece: attended[j], -1: none.
Links links_of(std::span<const int32_t> attended, std::span<const PieceWords> source,
               std::span<const PieceWords> target);

struct GoldAlignment {
  Links sure, possible;  // sure ones are possible, too
};

// A file of gold alignments, a line a sentence pair: "i-j" is a sure link, "i?j" and "ipj" a possible one.
class GoldAlignments {
 public:
  explicit GoldAlignments(const std::string& path) : input_(path) {}

  // The next line's. Throws Error, which names the line, at the end, for what is no link, and for one outside a pair of
  // so many source and target tokens.
  GoldAlignment next(int32_t source, int32_t target);
  void require_end();  // throws Error when lines are left

 private:
  Input input_;
  int64_t line_ = 0;
  std::string text_;
};

// Och and Ney, "A Systematic Comparison of Various Statistical Alignment Models", Computational Linguistics 29, 2003,
// §6: of links A, sure S and possible P, over a whole corpus. What has nothing to count is without error.
struct AlignmentCounts {
  int64_t links = 0, sure = 0, found_sure = 0, found_possible = 0;  // |A|, |S|, |A ∩ S|, |A ∩ P|

  void add(const Links& found, const GoldAlignment& gold);
  double precision() const;  // |A ∩ P| / |A|
  double recall() const;     // |A ∩ S| / |S|
  double aer() const;        // alignment error rate: 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|)
};

}  // namespace storm
