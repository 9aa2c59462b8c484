#include "tasks/whole_file.h"

#include "base/error.h"
#include "base/log.h"

namespace storm {

WholeFile::WholeFile(const TokenFile& file, const Side& side) {
  std::vector<int64_t> lengths(file.longest().size());
  for (int64_t row = 0; row < file.size(); ++row) {
    file.lengths(row, lengths);
    if (tokens_on(side, lengths) <= side.longest) file.append(row, rows_);
  }
  const int64_t left_out = file.size() - rows_.size();
  require(rows_.size() > 0, file.name(), ": all its rows are longer than the ", side.longest,
          " tokens that the model takes: --measure has nothing to ask");
  if (left_out > 0)
    note(left_out, " of ", file.size(), " rows of ", file.name(), " are longer than the ", side.longest,
         " tokens that the model takes: --measure leaves them out");
  columns_.resize(rows_.columns);
  for (std::size_t c = 0; c < columns_.size(); ++c)
    for (int64_t i = 0; i < rows_.size(); ++i) columns_[c].push_back(rows_(i, c));
}

}  // namespace storm
