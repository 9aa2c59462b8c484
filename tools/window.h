// What a tool takes off its input to work on at once.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "models/encoder_decoder.h"
#include "stream/tokens.h"

namespace storm {

// The rows of some documents, which keep the bytes alive.
struct Window {
  int64_t size() const { return static_cast<int64_t>(sources.size()); }
  std::vector<TokenBatch> batches;
  std::vector<std::span<const int32_t>> sources, targets;
  int64_t tokens = 0;

  void add(TokenBatch batch, const std::string& source, bool with_targets) {
    for (int64_t i = 0; i < batch.size(); ++i) {
      sources.push_back(batch.column(source)[i]);
      if (with_targets) targets.push_back(batch.column("tgt")[i]);
      tokens += tokens_with_eos(sources.back().size());
    }
    batches.push_back(std::move(batch));
  }
  void keep_first(int64_t rows) {
    sources.resize(static_cast<std::size_t>(rows));
    targets.resize(std::min(targets.size(), sources.size()));
  }
};

}  // namespace storm
