#include "inspect/attention_summary.h"

#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "base/number.h"
#include "base/parallel.h"
#include "inspect/attention_choice.h"

namespace storm {

namespace {

void add_map(const AttentionMap& map, HeadSummary& sum) {
  const int64_t n = map.cols;
  for (int64_t i = 0; i < map.rows; ++i) {
    const float* p = map.weights.data() + i * n;
    const auto at = [&](int64_t j) { return j >= 0 && j < n ? static_cast<double>(p[j]) : 0.0; };
    double entropy = 0, distance = 0;
    for (int64_t j = 0; j < n; ++j) {
      if (p[j] > 0) entropy -= static_cast<double>(p[j] * std::log(p[j]));
      distance += static_cast<double>(p[j]) * static_cast<double>(std::abs(i - j));
    }
    sum.entropy += entropy;
    sum.distance += distance;
    sum.previous += at(i - 1);
    sum.same += at(i);
    sum.next += at(i + 1);
    sum.first += at(0);
    if (map.kind != AttentionKind::decoder) sum.end += at(n - 1);
    sum.uniform += std::log(static_cast<double>(map.kind == AttentionKind::decoder ? i + 1 : n));
  }
  sum.rows += map.rows;
}

}  // namespace

void AttentionSummary::add(const AttentionMaps& maps) {
  if (heads_.empty())
    for (const auto& map : maps.maps) {
      heads_.emplace_back();
      heads_.back().kind = map.kind;
      heads_.back().layer = map.layer;
      heads_.back().head = map.head;
    }
  require(heads_.size() == maps.maps.size(), "a summary of other maps");
  // A thread takes whole heads, so the sums do not depend on how many threads there are.
  parallel_ranges(static_cast<int64_t>(heads_.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto h = static_cast<std::size_t>(begin); h < static_cast<std::size_t>(end); ++h)
      add_map(maps.maps[h], heads_[h]);
  });
}

std::string AttentionSummary::table() const {
  std::string text = "kind\tlayer\thead\trows\tentropy\tdistance\tprevious\tsame\tnext\tfirst\tend\tuniform\n";
  for (const auto& h : heads_) {
    text += str(attention_kind_name(h.kind), "\t", h.layer + 1, "\t", h.head + 1, "\t", h.rows);
    const double rows = h.rows > 0 ? static_cast<double>(h.rows) : 1;
    for (const double sum : {h.entropy, h.distance, h.previous, h.same, h.next, h.first, h.end, h.uniform})
      text += "\t" + fixed(sum / rows, 4);
    text += "\n";
  }
  return text;
}

}  // namespace storm
