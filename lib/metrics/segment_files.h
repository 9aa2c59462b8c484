// Hypotheses and references read side by side, a block at a time, so that a corpus need not fit in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/input.h"
#include "metrics/token_lines.h"

namespace storm {

// One text file, or tab-separated columns of several, or a token stream. Text is read as sacreBLEU reads it: files end
// lines at '\n' alone, standard input also at '\r' and "\r\n"; white space at a line's end is dropped, and a '\r' at a
// column's. Invalid UTF-8 is an Error with file and line.
class SegmentFile {
 public:
  static constexpr std::size_t first_line_says = 0;
  // columns: how many each line must have; 1 takes the line whole.
  SegmentFile(const std::string& path, std::size_t columns);

  bool next();                                                             // false at the end
  const std::vector<std::string_view>& fields() const { return fields_; }  // valid until next()
  std::size_t columns() const { return columns_; }
  const std::string& name() const { return name_; }
  int64_t lines() const { return lines_; }  // read so far

 private:
  bool next_line();
  void split();

  Input input_;
  std::string name_;
  std::optional<TokenLines> tokens_;  // if it is no text; input_ is empty then
  std::size_t columns_;
  bool first_says_, any_line_end_;
  bool waiting_ = false, has_line_ = false;  // the first line was read ahead, and there was one
  std::string chunk_;                        // bytes up to '\n'
  std::size_t rest_ = 0;                     // where in chunk_ the next line begins
  bool in_chunk_ = false;
  std::string_view line_;
  std::vector<std::string_view> fields_;
  int64_t lines_ = 0;
};

struct Block {
  std::vector<std::vector<std::string>> systems, references;  // [system or reference][segment]
  std::size_t segments() const { return systems.empty() ? 0 : systems[0].size(); }
};

class SegmentFiles {
 public:
  // systems: paths, or none for standard input, whose tab-separated columns are the systems. references: paths; with
  // num_refs > 1 a single one with so many tab-separated columns.
  SegmentFiles(const std::vector<std::string>& systems, const std::vector<std::string>& references,
               std::size_t num_refs);

  // The next segments, at most `most`; false when all files have ended. Files of different lengths: Error with both.
  bool read(Block& block, std::size_t most);
  std::size_t num_systems() const { return num_systems_; }
  std::size_t num_refs() const { return num_refs_; }
  // The file that a system's, or a reference's, lines come from.
  const std::string& system_name(std::size_t system) const { return file_of(systems_, system).name(); }
  const std::string& reference_name(std::size_t reference) const { return file_of(references_, reference).name(); }

 private:
  static const SegmentFile& file_of(const std::vector<SegmentFile>& files, std::size_t column);

  std::vector<SegmentFile> systems_, references_;
  std::size_t num_systems_ = 0, num_refs_ = 0;
};

}  // namespace storm
