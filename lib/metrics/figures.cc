#include "metrics/figures.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/number.h"
#include "base/printable.h"
#include "base/split.h"
#include "metrics/grid.h"

namespace storm {

namespace {

constexpr std::size_t kLabelsShown = 16, kConfusionsShown = 20;

const std::string& convention_of(const Column& measure) { return measure.signature.fields.front().value; }

std::string shown(const std::string& label) { return label.empty() ? "(none)" : printable(label, ' '); }

Grid grid_of(const std::vector<Column>& measures, int width) {
  Grid grid{{{"measure"}, {"value"}, {"as in"}}, {}};
  const bool intervals =
      std::ranges::any_of(measures, [](const Column& m) { return !!m.outcomes[0].score.confidence; });
  if (intervals) grid.header.insert(grid.header.begin() + 2, {"μ ± 95 %"});
  for (const Column& measure : measures) {
    const Score& score = measure.outcomes[0].score;
    grid.rows.push_back({{score.name}, {fixed(score.value, width)}, {convention_of(measure)}});
    if (intervals)
      grid.rows.back().insert(grid.rows.back().begin() + 2, {fixed(score.confidence->mean, width) + " ± " +
                                                             fixed(score.confidence->half_width, width)});
  }
  return grid;
}

Grid grid_of(const ScoreTable& table, int width) {
  Grid grid{{{table.what}, {"precision"}, {"recall"}, {"f1"}, {"gold"}, {"predicted"}, {"correct"}}, {}};
  for (const auto* rows : {&table.labels, &table.averages})
    for (const ScoreRow& row : *rows)
      grid.rows.push_back({{(rows == &table.averages ? "= " : "") + shown(row.name)},
                           {fixed(row.scores.precision, width)},
                           {fixed(row.scores.recall, width)},
                           {fixed(row.scores.f1, width)},
                           {std::to_string(row.counts.gold)},
                           {std::to_string(row.counts.predicted)},
                           {std::to_string(row.counts.correct)}});
  return grid;
}

// The whole table, or of too many labels the commonest confusions.
Grid grid_of(std::vector<Confusion> confusions, std::string& title) {
  std::set<std::string> labels;
  for (const Confusion& c : confusions) labels.insert({c.gold, c.predicted});
  Grid grid;
  if (labels.size() <= kLabelsShown) {
    title = "rows of each gold label, by the label that was predicted";
    std::map<std::pair<std::string, std::string>, int64_t> rows;
    for (const Confusion& c : confusions) rows[{c.gold, c.predicted}] = c.rows;
    grid.header.push_back({"gold"});
    for (const auto& label : labels) grid.header.push_back({shown(label)});
    for (const auto& gold : labels) {
      grid.rows.push_back({{shown(gold)}});
      for (const auto& predicted : labels) grid.rows.back().push_back({std::to_string(rows[{gold, predicted}])});
    }
    return grid;
  }
  title = "what was confused most";
  grid.header = {{"gold"}, {"predicted"}, {"rows"}};
  std::erase_if(confusions, [](const Confusion& c) { return c.gold == c.predicted; });
  std::ranges::stable_sort(confusions, std::ranges::greater(), &Confusion::rows);
  if (confusions.size() > kConfusionsShown) confusions.resize(kConfusionsShown);
  for (const Confusion& c : confusions)
    grid.rows.push_back({{shown(c.gold)}, {shown(c.predicted)}, {std::to_string(c.rows)}});
  return grid;
}

std::string quoted(const std::string& text) { return json_string(text, false); }

std::string json(const std::vector<ScoreRow>& rows) {
  std::vector<std::string> fields;
  for (const auto& [name, counts, scores] : rows)
    fields.push_back(quoted(name) + ": {\"precision\": " + json_number(scores.precision) +
                     ", \"recall\": " + json_number(scores.recall) + ", \"f1\": " + json_number(scores.f1) +
                     ", \"gold\": " + std::to_string(counts.gold) + ", \"predicted\": " +
                     std::to_string(counts.predicted) + ", \"correct\": " + std::to_string(counts.correct) + "}");
  return "{\n    " + joined(fields, ",\n    ") + "\n  }";
}

std::string figures_json(const Figures& figures) {
  std::vector<std::string> measures, tables, confusions;
  for (const Column& measure : figures.measures) {
    const Score& score = measure.outcomes[0].score;
    std::string field = quoted(score.name) + ": {\"value\": " + json_number(score.value);
    if (score.confidence)
      field += ", \"confidence_mean\": " + json_number(score.confidence->mean) +
               ", \"confidence_var\": " + json_number(score.confidence->half_width);
    for (const auto& f : measure.signature.fields) field += ", " + quoted(f.key) + ": " + quoted(f.value);
    measures.push_back(field + "}");
  }
  for (const ScoreTable& table : figures.tables)
    tables.push_back("{\n  \"of\": " + quoted(table.what) + ",\n  \"convention\": " + quoted(table.convention) +
                     ",\n  \"labels\": " + json(table.labels) + ",\n  \"averages\": " + json(table.averages) + "\n }");
  for (const Confusion& c : figures.confusions)
    confusions.push_back("{\"gold\": " + quoted(c.gold) + ", \"predicted\": " + quoted(c.predicted) +
                         ", \"rows\": " + std::to_string(c.rows) + "}");
  std::string all = "{\n " + quoted(figures.unit) + ": " + std::to_string(figures.count) + ",\n \"measures\": {\n  " +
                    joined(measures, ",\n  ") + "\n }";
  if (!tables.empty()) all += ",\n \"tables\": [" + joined(tables, ", ") + "]";
  if (!confusions.empty()) all += ",\n \"confusions\": [\n  " + joined(confusions, ",\n  ") + "\n ]";
  return all + ",\n \"version\": " + quoted(signature_version()) + "\n}\n";
}

}  // namespace

std::string figures_report(const Figures& figures, const ReportStyle& style) {
  if (style.score_only) {
    std::string all;
    for (const Column& measure : figures.measures) all += score_only(measure.outcomes[0].score, style.width) + "\n";
    return all;
  }
  if (style.format == ReportFormat::json) return figures_json(figures);
  const bool latex = style.format == ReportFormat::latex;
  const auto drawn = [&](const std::string& title, const Grid& grid) {
    return (latex ? "% " : "") + title + "\n" + (latex ? latex_table(grid) : plain_grid(grid));
  };
  std::string all = drawn(std::to_string(figures.count) + " " + figures.unit, grid_of(figures.measures, style.width));
  for (const ScoreTable& table : figures.tables)
    all += "\n" + drawn("as in " + table.convention, grid_of(table, style.width));
  if (!figures.confusions.empty()) {
    std::string title;
    const Grid grid = grid_of(figures.confusions, title);
    all += "\n" + drawn(title, grid);
  }
  return all;
}

}  // namespace storm
