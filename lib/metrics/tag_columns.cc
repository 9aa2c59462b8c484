#include "metrics/tag_columns.h"

#include <algorithm>

#include "base/error.h"
#include "text/lines.h"

namespace storm {

void TagColumns::split(std::string_view line) {
  fields_.clear();
  if (line.find('\t') != std::string_view::npos) {
    while (line.find('\t') != std::string_view::npos) fields_.push_back(take_field(line));
    fields_.push_back(line);
    return;
  }
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    if (end > 0) fields_.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
}

bool TagColumns::next(TagTable& table, TaggedSentence& sentence) {
  sentence.words.clear();
  for (auto& tags : sentence.tags) tags.clear();
  while (file_.next()) {
    const std::string_view line = file_.fields()[0];
    if (line.empty() || line.starts_with(kDocumentStart)) {
      if (!sentence.tags[0].empty()) return true;
      continue;
    }
    split(line);
    const auto where = [&] { return str(name(), ": line ", file_.lines()); };
    if (columns_ == 0) columns_ = fields_.size();
    if (fields_.size() != columns_) fail(where(), ": ", fields_.size(), " columns, but ", columns_, " before it");
    if (columns_ < tags_) fail(where(), ": one column, but gold and predicted tags are two");
    if (sentence.tags[0].empty()) sentence.line = file_.lines();
    for (std::size_t t = 0; t < tags_; ++t) sentence.tags[t].push_back(tag_id(table, fields_[columns_ - 1 - t], where));
    if (columns_ > tags_) sentence.words.append(fields_[0]) += '\n';
  }
  return !sentence.tags[0].empty();
}

}  // namespace storm
