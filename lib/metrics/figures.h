// What is printed of one system's labels, entities, answers or numbers: its measures, tables by label, and confusions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metrics/precision_recall.h"
#include "metrics/report.h"

namespace storm {

struct ScoreRow {
  std::string name;  // a label, or "macro"
  MatchCounts counts;
  PrecisionRecall scores;
};

struct ScoreTable {
  std::string what;        // "label", "entity"
  std::string convention;  // whose counts and averages: "seqeval, strict iob2"
  std::vector<ScoreRow> labels, averages;
};

// So many rows of this gold label were predicted as that label.
struct Confusion {
  std::string gold, predicted;
  int64_t rows = 0;
};

struct Figures {
  std::string unit;  // what is counted: "rows", "sentences"
  int64_t count = 0;
  std::vector<Column> measures;  // the convention is the signature's field of this name; each of one system
  std::vector<ScoreTable> tables;
  std::vector<Confusion> confusions;  // none: not a matter of labels
};

// JSON has all digits of every figure. Text and LaTeX have style.width of them, and of more than 16 labels the 20 pairs
// that were confused most instead of the whole table.
std::string figures_report(const Figures& figures, const ReportStyle& style);

}  // namespace storm
