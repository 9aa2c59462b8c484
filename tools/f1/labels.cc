#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>
#include <unordered_map>

#include "base/error.h"
#include "base/log.h"
#include "base/printable.h"
#include "metrics/classification.h"
#include "tools/f1/scored.h"

namespace storm {

namespace {

const std::string kConvention = "scikit-learn";

struct Labels {
  std::vector<std::string> names;        // in the order of their bytes
  std::vector<int32_t> gold, predicted;  // [rows, systems]: gold repeats
};

// In the order of their bytes, which is that of their code points.
void sort_names(Labels& labels) {
  std::vector<int32_t> order(labels.names.size()), place(order.size());
  std::iota(order.begin(), order.end(), 0);
  const auto name = [&](int32_t id) -> const std::string& { return labels.names[static_cast<std::size_t>(id)]; };
  std::ranges::sort(order, [&](int32_t a, int32_t b) { return name(a) < name(b); });
  for (std::size_t i = 0; i < order.size(); ++i) place[static_cast<std::size_t>(order[i])] = static_cast<int32_t>(i);
  for (auto* ids : {&labels.gold, &labels.predicted})
    for (int32_t& id : *ids) id = place[static_cast<std::size_t>(id)];
  std::ranges::sort(labels.names);
}

Labels read(SegmentFiles& files) {
  Labels labels;
  std::unordered_map<std::string, int32_t> ids;
  const auto id = [&](const std::string& name) {
    const auto [at, fresh] = ids.try_emplace(name, static_cast<int32_t>(labels.names.size()));
    if (fresh) labels.names.push_back(name);
    return at->second;
  };
  Block block;
  for (int64_t line = 1; files.read(block, 8192);)
    for (std::size_t i = 0; i < block.segments(); ++i, ++line) {
      const std::string& gold = block.references[0][i];
      require(!gold.empty(), files.reference_name(0), ": line ", line, ": no label; every row needs one");
      for (const auto& system : block.systems) {
        labels.gold.push_back(id(gold));
        labels.predicted.push_back(id(system[i]));
      }
    }
  sort_names(labels);
  return labels;
}

}  // namespace

Scored score_labels(SegmentFiles& files) {
  const auto labels = std::make_shared<const Labels>(read(files));
  Scored scored{"rows", labels->gold.size() / files.num_systems(), {}, {}};
  const auto measure = [&](const std::string& name, double (*value)(std::span<const MatchCounts>)) {
    scored.measures.push_back({name, kConvention, [labels, value](std::span<const uint32_t> rows) {
                                 std::vector<MatchCounts> counts(labels->names.size());
                                 for (const uint32_t r : rows) {
                                   const auto gold = static_cast<std::size_t>(labels->gold[r]),
                                              predicted = static_cast<std::size_t>(labels->predicted[r]);
                                   ++counts[gold].gold;
                                   ++counts[predicted].predicted;
                                   counts[gold].correct += gold == predicted;
                                 }
                                 return value(counts);
                               }});
  };
  measure("accuracy", accuracy);
  measure("f1", [](std::span<const MatchCounts> counts) { return macro_average(counts).f1; });
  measure("weighted_f1", [](std::span<const MatchCounts> counts) { return weighted_average(counts).f1; });
  measure("matthews", [](std::span<const MatchCounts> counts) {
    const bool several = std::ranges::count_if(counts, [](const MatchCounts& c) { return c.gold > 0; }) > 1 &&
                         std::ranges::count_if(counts, [](const MatchCounts& c) { return c.predicted > 0; }) > 1;
    return several ? matthews(counts) : std::numeric_limits<double>::quiet_NaN();
  });
  scored.details = [labels](Figures& figures) {
    const auto counts = label_counts(labels->gold, labels->predicted, static_cast<int32_t>(labels->names.size()));
    ScoreTable table{"label", kConvention, {}, averages_of(counts)};
    for (std::size_t i = 0; i < counts.size(); ++i)
      table.labels.push_back({labels->names[i], counts[i], precision_recall(counts[i])});
    note_undefined(table.labels, kConvention);
    figures.tables.push_back(std::move(table));
    for (const auto& [pair, rows] : confusions(labels->gold, labels->predicted))
      figures.confusions.push_back({labels->names[static_cast<std::size_t>(pair.first)],
                                    labels->names[static_cast<std::size_t>(pair.second)], rows});
  };
  return scored;
}

std::vector<ScoreRow> averages_of(std::span<const MatchCounts> labels) {
  MatchCounts all;
  for (const MatchCounts& c : labels) all += c;
  return {{"micro", all, micro_average(labels)},
          {"macro", all, macro_average(labels)},
          {"weighted", all, weighted_average(labels)}};
}

void note_undefined(const std::vector<ScoreRow>& labels, const std::string& convention) {
  std::string never_predicted, never_gold;
  for (const ScoreRow& row : labels) {
    const auto name = " '" + printable(row.name) + "'";
    if (row.counts.predicted == 0) never_predicted += name;
    if (row.counts.gold == 0) never_gold += name;
  }
  constexpr std::size_t most = 200;
  for (auto* names : {&never_predicted, &never_gold})
    if (names->size() > most) *names = names->substr(0, names->rfind(' ', most)) + " ...";
  if (!never_predicted.empty())
    note(convention, ": never predicted, so that precision is undefined and given as 0:", never_predicted);
  if (!never_gold.empty()) note(convention, ": never gold, so that recall is undefined and given as 0:", never_gold);
}

}  // namespace storm
