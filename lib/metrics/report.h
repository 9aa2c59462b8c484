// How sacreBLEU 2.6 prints results: lines or JSON objects for one system, a table or JSON list for several.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metrics/score.h"

namespace storm {

enum class ReportFormat { json, text, latex };

struct ReportStyle {
  ReportFormat format = ReportFormat::json;
  int width = 1;            // digits after the point
  bool short_keys = false;  // in signatures; JSON keeps them long
  bool score_only = false;
};

struct Outcome {
  Score score;
  std::optional<double> p_value;
};

// What paired test was made, if any.
struct PairedTest {
  bool bootstrap = false;
  int64_t samples = 0;
  std::string of = "translations";  // what systems made
};

struct Column {
  Signature signature;
  std::vector<Outcome> outcomes;  // by system; all of one metric
};

std::string single_report(const std::vector<Column>& columns, const ReportStyle& style);
std::string systems_report(const std::vector<std::string>& systems, const std::vector<Column>& columns,
                           const ReportStyle& style, const std::optional<PairedTest>& paired);

}  // namespace storm
