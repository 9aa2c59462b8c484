// Running text as rows, in one of the ways that a training may cut it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "data/text_rows.h"

namespace storm {

// How a task of running text cuts its column into rows (data/text_rows.h).
struct TextSettings {
  int64_t block = 0;       // tokens of a block; 0: rows as they are, as all other tasks have them
  bool documents = false;  // EOS stands where a row is blank, and nowhere else
  int64_t streams = 0;     // that are read side by side with carried state; 0: blocks in random order
};

// The file's one column as the settings say. eos: its vocabulary's. seed: of the places where blocks begin; none: for
// validation, which cuts every epoch alike and leaves nothing out. The file must be indexed and outlive what is
// returned. Throws Error for a text to train on that is shorter than its streams are many.
std::unique_ptr<RowSource> text_source(const TokenFile& file, int32_t eos, const TextSettings& text,
                                       std::optional<uint64_t> seed);

}  // namespace storm
