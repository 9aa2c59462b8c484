#include "metrics/segment_files.h"

#include <algorithm>

#include "base/error.h"
#include "text/lines.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace storm {

SegmentFile::SegmentFile(const std::string& path, std::size_t columns)
    : input_(path),
      name_(input_.name()),
      columns_(columns),
      first_says_(columns == first_line_says),
      any_line_end_(path == "-") {
  require(!path.ends_with(".gz"), path, ": is compressed; name it as <(zcat ", path, ")");
  if (begins_stream(input_)) {
    tokens_.emplace(std::move(input_));
    first_says_ = false;
    columns_ = 1;
  }
  if (!first_says_) return;
  has_line_ = next_line();
  columns_ = has_line_ ? static_cast<std::size_t>(std::ranges::count(line_, '\t')) + 1 : 1;
  if (has_line_) split();
  waiting_ = true;
}

bool SegmentFile::next() {
  if (waiting_) {
    waiting_ = false;
    return has_line_;
  }
  if (!next_line()) return false;
  split();
  return true;
}

bool SegmentFile::next_line() {
  if (tokens_) {
    if (!tokens_->next(chunk_)) return false;
    ++lines_;
    line_ = strip_right(chunk_);
    return true;
  }
  if (!in_chunk_) {
    bool cut = false;
    if (!input_.read_line(chunk_, kMaxLineBytes, &cut)) return false;
    ++lines_;
    require(!cut, name(), ": line ", lines_, ": longer than ", kMaxLineBytes, " bytes; split it");
    const auto bad = valid_utf8_prefix(chunk_);
    require(bad == chunk_.size(), name(), ": line ", lines_, ": byte ", bad + 1,
            " is not valid UTF-8; convert the text with iconv");
    if (!any_line_end_ || chunk_.find('\r') == std::string::npos) {
      line_ = strip_right(chunk_);
      return true;
    }
    // A '\r' at the chunk's end belongs to the line end that is already taken off.
    if (chunk_.back() == '\r') chunk_.pop_back();
    in_chunk_ = true;
    rest_ = 0;
  } else {
    ++lines_;
  }
  auto end = chunk_.find('\r', rest_);
  // One before a TAB ends a column (take_field), not the line.
  while (end != std::string::npos && (first_says_ || columns_ > 1) && end + 1 < chunk_.size() &&
         chunk_[end + 1] == '\t')
    end = chunk_.find('\r', end + 1);
  in_chunk_ = end != std::string::npos;
  line_ = strip_right(std::string_view(chunk_).substr(rest_, in_chunk_ ? end - rest_ : end));
  rest_ = end + 1;
  return true;
}

void SegmentFile::split() {
  fields_.clear();
  std::string_view rest = line_;
  // The last column takes further tabs as they are, unless the lines' own number of columns is what counts.
  while (first_says_ || fields_.size() + 1 < columns_) {
    if (rest.find('\t') == std::string_view::npos) break;
    fields_.push_back(take_field(rest));
  }
  fields_.push_back(rest);
  require(fields_.size() == columns_, name(), ": line ", lines_, ": ", fields_.size(), " tab-separated columns, not ",
          columns_);
}

SegmentFiles::SegmentFiles(const std::vector<std::string>& systems, const std::vector<std::string>& references,
                           std::size_t num_refs) {
  for (const auto& path : references) references_.emplace_back(path, num_refs);
  for (const auto& path : systems) systems_.emplace_back(path, 1);
  if (systems.empty()) systems_.emplace_back("-", SegmentFile::first_line_says);
  for (const auto& file : systems_) num_systems_ += file.columns();
  for (const auto& file : references_) num_refs_ += file.columns();
}

const SegmentFile& SegmentFiles::file_of(const std::vector<SegmentFile>& files, std::size_t column) {
  std::size_t f = 0;
  for (; column >= files[f].columns(); ++f) column -= files[f].columns();
  return files[f];
}

bool SegmentFiles::read(Block& block, std::size_t most) {
  block.systems.resize(num_systems_);
  block.references.resize(num_refs_);
  const auto fill = [&](std::vector<SegmentFile>& files, std::vector<std::vector<std::string>>& columns) {
    std::size_t column = 0;
    for (auto& file : files) {
      for (std::size_t c = 0; c < file.columns(); ++c) columns[column + c].resize(most);
      std::size_t lines = 0;
      while (lines < most && file.next()) {
        for (std::size_t c = 0; c < file.columns(); ++c) columns[column + c][lines] = file.fields()[c];
        ++lines;
      }
      for (std::size_t c = 0; c < file.columns(); ++c) columns[column + c].resize(lines);
      column += file.columns();
    }
  };
  fill(systems_, block.systems);
  fill(references_, block.references);
  const std::size_t segments = block.segments();
  for (auto* files : {&references_, &systems_}) {
    for (auto& file : *files) {
      if (file.lines() == systems_[0].lines()) continue;
      // The rest is only counted, to say by how much the files differ.
      for (auto* f : {&file, &systems_[0]})
        while (f->next()) continue;
      fail(file.name(), " has ", file.lines(), " lines, but ", systems_[0].name(), " has ", systems_[0].lines());
    }
  }
  return segments > 0;
}

}  // namespace storm
