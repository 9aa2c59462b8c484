#include "metrics/report.h"

#include <algorithm>

#include "base/number.h"

namespace storm {

namespace {

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string repeat(std::string_view piece, std::size_t times) {
  std::string all;
  while (times-- > 0) all += piece;
  return all;
}

std::string right(std::string_view text, std::size_t width) {
  return repeat(" ", width - std::min(width, characters(text))).append(text);
}

std::string centre(std::string_view text, std::size_t width) {
  const std::size_t space = width - characters(text);
  return repeat(" ", space / 2).append(text) + repeat(" ", space - space / 2);
}

// A cell is one line or, in a grid, several.
using Cell = std::vector<std::string>;

struct Grid {
  std::vector<Cell> header;
  std::vector<std::vector<Cell>> rows;
  std::vector<std::size_t> widths() const {
    std::vector<std::size_t> all;
    for (std::size_t c = 0; c < header.size(); ++c) {
      all.push_back(characters(header[c][0]) + 2);
      for (const auto& row : rows)
        for (const auto& line : row[c]) all[c] = std::max(all[c], characters(line));
    }
    return all;
  }
};

// The first column is set right, the others centred, all with a space on both sides.
std::string aligned(const std::vector<std::size_t>& widths, std::size_t column, std::string_view text) {
  return " " + (column == 0 ? right(text, widths[0]) : centre(text, widths[column])) + " ";
}

std::string fancy_grid(const Grid& grid) {
  const auto widths = grid.widths();
  const auto rule = [&](std::string_view left, std::string_view line, std::string_view cross, std::string_view end) {
    std::string all(left);
    for (std::size_t c = 0; c < widths.size(); ++c) all.append(c ? cross : "") += repeat(line, widths[c] + 2);
    return all.append(end) + "\n";
  };
  const auto row = [&](const std::vector<Cell>& cells) {
    std::string all;
    std::size_t lines = 0;
    for (const auto& cell : cells) lines = std::max(lines, cell.size());
    for (std::size_t line = 0; line < lines; ++line) {
      for (std::size_t c = 0; c < cells.size(); ++c)
        all += "│" + aligned(widths, c, line < cells[c].size() ? cells[c][line] : "");
      all += "│\n";
    }
    return all;
  };
  std::string all = rule("╒", "═", "╤", "╕") + row(grid.header) + rule("╞", "═", "╪", "╡");
  for (std::size_t r = 0; r < grid.rows.size(); ++r) all += (r ? rule("├", "─", "┼", "┤") : "") + row(grid.rows[r]);
  return all + rule("╘", "═", "╧", "╛");
}

std::string latex_escaped(std::string_view text) {
  std::string all;
  for (const char c : text) {
    if (std::string_view("&%$#_{}").find(c) != std::string_view::npos)
      (all += '\\') += c;
    else if (c == '^')
      all += "\\^{}";
    else if (c == '~')
      all += "\\textasciitilde{}";
    else if (c == '\\')
      all += "\\textbackslash{}";
    else if (c == '<' || c == '>')
      (all += "\\ensuremath{").append(1, c) += "}";
    else
      all += c;
  }
  return all;
}

std::string latex_table(Grid grid) {
  for (auto& row : grid.rows)  // one line a cell
    for (auto& cell : row)
      for (; cell.size() > 1; cell.erase(cell.begin() + 1)) cell[0] += " " + cell[1];
  const auto widths = grid.widths();
  const auto row = [&](const std::vector<Cell>& cells) {
    std::string all;
    for (std::size_t c = 0; c < cells.size(); ++c)
      all += (c ? "&" : "") + latex_escaped(aligned(widths, c, cells[c][0]));
    return all + "\\\\\n";
  };
  std::string all =
      "\\begin{tabular}{r" + std::string(widths.size() - 1, 'c') + "}\n\\toprule\n" + row(grid.header) + "\\midrule\n";
  for (const auto& r : grid.rows) all += row(r);
  return all + "\\bottomrule\n\\end{tabular}\n";
}

std::string systems_json(const std::vector<std::string>& systems, const std::vector<Column>& columns, int width,
                         bool paired) {
  const auto number = [](const std::optional<double>& x) { return x ? json_number(*x) : "null"; };
  std::string json = "[";
  for (std::size_t s = 0; s < systems.size(); ++s) {
    json += (s ? ",\n" : "\n") + std::string("    {\n        \"system\": ") + json_string(systems[s], true);
    for (const auto& column : columns) {
      const auto& [score, p_value] = column.outcomes[s];
      json += ",\n        " + json_string(score.name, true) + ": ";
      if (!paired) {
        json += json_string(score_only(score, width), true);
        continue;
      }
      std::optional<double> mean, ci;
      if (score.confidence) {
        mean = score.confidence->mean;
        ci = score.confidence->half_width;
      }
      const std::string next = ",\n            ";
      json += "{\n            \"score\": " + json_number(score.value) + next + "\"p_value\": " + number(p_value) +
              next + "\"mean\": " + number(mean) + next + "\"ci\": " + number(ci) + "\n        }";
    }
    json += "\n    }";
  }
  return json + "\n]\n";
}

std::string paired_text(const PairedTest& paired, const std::string& baseline) {
  const std::string title = std::string("Paired ") +
                            (paired.bootstrap ? "bootstrap resampling" : "approximate randomization") + " test with " +
                            std::to_string(paired.samples) + (paired.bootstrap ? " resampling trials" : " trials");
  const std::string line(title.size(), '-');
  return line + "\n" + title + "\n" + line + "\n - Each system is pairwise compared to " + baseline + ".\n" +
         (paired.bootstrap
              ? "   Actual system score / bootstrap estimated true mean / 95% CI are provided for each metric.\n"
              : "   Actual system score is provided for each metric.\n") +
         R"(
 - Null hypothesis: the system and the baseline translations are essentially
   generated by the same underlying process. For a given system and the baseline,
   the p-value is roughly the probability of the absolute score difference (delta)
   or higher occurring due to chance, under the assumption that the null hypothesis is correct.

 - Assuming a significance threshold of 0.05, the null hypothesis can be rejected
   for p-values < 0.05 (marked with "*"). This means that the delta is unlikely to be attributed
   to chance, hence the system is significantly "different" than the baseline.
   Otherwise, the p-values are highlighted in red.

 - NOTE: Significance does not tell whether a system is "better" than the baseline but rather
   emphasizes the "difference" of the systems in terms of the replicability of the delta.

)";
}

}  // namespace

std::string single_report(const std::vector<Column>& columns, const ReportStyle& style) {
  std::vector<std::string> results;
  for (const auto& column : columns) {
    const Score& score = column.outcomes[0].score;
    results.push_back(style.score_only ? score_only(score, style.width)
                      : style.format == ReportFormat::json
                          ? json_object(score, column.signature, style.width)
                          : text_line(score, column.signature, style.width, style.short_keys));
  }
  if (results.size() == 1) return results[0] + "\n";
  std::string all;
  if (style.format == ReportFormat::json) {
    for (const auto& result : results) all += (all.empty() ? "[\n" : ",\n") + result;
    return all + "\n]\n";
  }
  // The equals signs stand below one another.
  std::size_t widest = 0;
  const auto left_of = [](const std::string& line) { return line.find('='); };
  for (const auto& line : results)
    if (left_of(line) != std::string::npos) widest = std::max(widest, characters(line.substr(0, left_of(line))));
  for (const auto& line : results) {
    const auto at = left_of(line);
    all += (at == std::string::npos ? line : right(line.substr(0, at), widest) + line.substr(at)) + "\n";
  }
  return all;
}

std::string systems_report(const std::vector<std::string>& systems, const std::vector<Column>& columns,
                           const ReportStyle& style, const std::optional<PairedTest>& paired) {
  if (style.format == ReportFormat::json) return systems_json(systems, columns, style.width, paired.has_value());
  Grid grid;
  grid.header.push_back({"System"});
  for (const auto& system : systems) grid.rows.push_back({{system}});
  for (const auto& column : columns) {
    grid.header.push_back({column.outcomes[0].score.name + (paired && paired->bootstrap ? " (μ ± 95% CI)" : "")});
    for (std::size_t s = 0; s < systems.size(); ++s) {
      const auto& [score, p_value] = column.outcomes[s];
      Cell cell{fixed(score.value, style.width)};
      if (score.confidence)
        cell[0] += " (" + fixed(score.confidence->mean, style.width) + " ± " +
                   fixed(score.confidence->half_width, style.width) + ")";
      if (p_value) cell.push_back("(p = " + fixed(*p_value, 4) + ")" + (*p_value > 0.05 ? "" : "*"));
      grid.rows[s].push_back(cell);
    }
  }
  std::string all = (style.format == ReportFormat::latex ? latex_table(grid) : fancy_grid(grid)) + "\n";
  if (paired) all += paired_text(*paired, systems[0].starts_with("Baseline:") ? systems[0] : "");
  all += "-----------------\nMetric signatures\n-----------------\n";
  for (const auto& column : columns) {
    const std::string& name = column.outcomes[0].score.name;
    all += " - " + name + repeat(" ", 10 - std::min<std::size_t>(10, name.size())) + " " +
           column.signature.text(style.short_keys) + "\n";
  }
  return all;
}

}  // namespace storm
