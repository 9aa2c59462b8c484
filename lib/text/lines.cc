#include "text/lines.h"

#include "base/error.h"

namespace storm {

namespace {
constexpr int64_t kBlockLines = 8192;
constexpr std::size_t kBlockBytes = 1 << 20;
}  // namespace

std::string LineBlock::where(int64_t i) const { return str(name, ": line ", first_line + i); }

std::string_view take_field(std::string_view& line) {
  const auto tab = line.find('\t');
  auto field = line.substr(0, tab);
  line.remove_prefix(tab == line.npos ? line.size() : tab + 1);
  if (tab != line.npos && field.ends_with('\r')) field.remove_suffix(1);
  return field;
}

LineReader::LineReader(std::vector<std::string> paths) : paths_(std::move(paths)) {
  if (paths_.empty()) paths_.push_back("-");
}

bool LineReader::next(LineBlock& block, bool live) {
  block.text.clear();
  block.ends.clear();
  while (block.size() < kBlockLines && block.text.size() < kBlockBytes) {
    if (!input_) {
      if (opened_ == paths_.size()) break;
      input_.emplace(paths_[opened_++]);
      line_ = 0;
    }
    if (block.size() > 0 && live && input_->would_block()) break;
    bool cut = false;
    if (!input_->read_line(text_, kMaxLineBytes, &cut)) {
      input_.reset();
      if (block.size() > 0) break;  // a block's lines are of one file
      continue;
    }
    ++line_;
    require(!cut, input_->name(), ": line ", line_, ": longer than ", kMaxLineBytes, " bytes; split it");
    if (text_.ends_with('\r')) text_.pop_back();
    if (block.size() == 0) {
      block.name = input_->name();
      block.first_line = line_;
    }
    block.text += text_;
    block.ends.push_back(block.text.size());
  }
  return block.size() > 0;
}

}  // namespace storm
