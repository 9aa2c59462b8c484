// A model that turns sources into targets, as decode and attn-dump have it, and the token stream that it reads.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "decode/special_ids.h"
#include "models/encoder_decoder.h"
#include "tools/model_columns.h"

namespace storm {

struct TranslationModel {
  explicit TranslationModel(const std::string& path)
      : loaded(load_model(path)),
        model(as<EncoderDecoder>(*loaded.model)),
        vocabularies(column_vocabularies(loaded, 2)),
        special(special_ids(source(), target())) {}
  TranslationModel(const TranslationModel&) = delete;
  TranslationModel& operator=(const TranslationModel&) = delete;

  const Vocabulary& source() const { return vocabularies[0]; }
  const Vocabulary& target() const { return vocabularies[1]; }
  const std::string& target_column() const { return task_of(loaded).columns[1]; }

  LoadedModel loaded;
  const EncoderDecoder& model;
  std::vector<Vocabulary> vocabularies;  // of the source and of the target
  SpecialIds special;
};

// The rows of some documents, which keep the bytes alive: what is worked on at once.
struct Window {
  std::vector<TokenBatch> batches;
  std::vector<std::span<const int32_t>> sources, targets;  // targets: only where they are read
  int64_t tokens = 0;                                      // of the sources, EOS included

  int64_t size() const { return static_cast<int64_t>(sources.size()); }
  void keep_first(int64_t rows) {
    sources.resize(static_cast<std::size_t>(rows));
    targets.resize(std::min(targets.size(), sources.size()));
  }
};

class PairReader {
 public:
  // Standard input. without_targets: what to do where the targets are wanted and the stream has none; empty: they are
  // not read.
  PairReader(const TranslationModel& model, const std::string& without_targets) : input_(StreamReader("-")) {
    const auto& name = model.loaded.name;
    source_ = first_column(input_.info(), task_of(model.loaded));
    require_column(input_, source_, model.source(), name);
    if (without_targets.empty()) return;
    target_ = model.target_column();
    require(input_.info().has(target_), input_.name(), ": has no column '", target_, "'; ", without_targets);
    require_column(input_, target_, model.target(), name);
  }

  // Calls work(window) with as many rows as it takes for `tokens` of sources, or fewer where whoever feeds the pipe
  // waits; flush() then. Ends after `rows` rows; returns whether there were more.
  template <class Work, class Flush>
  bool read(int64_t tokens, int64_t rows, Progress& progress, Work&& work, Flush&& flush) {
    Window window;
    int64_t done = 0;
    for (bool more = true; more;) {
      auto batch = input_.next();
      more = batch.has_value();
      if (batch) add(std::move(*batch), window);
      const bool waits = more && input_.would_block(), enough = window.size() > rows - done;
      if (more && window.tokens < tokens && !enough && !waits) continue;
      if (enough) window.keep_first(rows - done);
      work(window);
      done += window.size();
      progress.set(static_cast<uint64_t>(done));
      if (waits) flush();
      if (enough) return true;
      window = {};
    }
    return false;
  }

 private:
  void add(TokenBatch batch, Window& window) const {
    for (int64_t i = 0; i < batch.size(); ++i) {
      window.sources.push_back(batch.column(source_)[i]);
      if (!target_.empty()) window.targets.push_back(batch.column(target_)[i]);
      window.tokens += tokens_with_eos(window.sources.back().size());
    }
    window.batches.push_back(std::move(batch));
  }

  TokenReader input_;
  std::string source_, target_;  // columns of the stream; no target: it is not read
};

}  // namespace storm
