// What f1 makes of its files, whichever kind of rows they hold.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "metrics/figures.h"
#include "metrics/row_tests.h"
#include "metrics/segment_files.h"

namespace storm {

struct Scored {
  std::string unit;  // what a row is: "rows", "sentences", "questions"
  std::size_t rows = 0;
  std::vector<RowMeasure> measures;
  // Tables and confusions of a single system, beside its measures.
  std::function<void(Figures&)> details;
};

// Rows are lines, read to the end; the systems are files' columns.
Scored score_labels(SegmentFiles& files);
Scored score_answers(SegmentFiles& files);
Scored score_numbers(SegmentFiles& files);

// Sentences of tags. gold: none where the one system's file has the gold tags beside the predicted ones, which only
// columns do; systems: none for standard input.
Scored score_spans(const std::vector<std::string>& gold, const std::vector<std::string>& systems,
                   const std::string& scheme, bool columns, std::size_t& num_systems);

// Averages of a table: micro, macro, weighted.
std::vector<ScoreRow> averages_of(std::span<const MatchCounts> labels);
// Says on standard error whose figures are undefined, and given as 0.
void note_undefined(const std::vector<ScoreRow>& labels, const std::string& convention);

}  // namespace storm
