#include "train/text_source.h"

#include "base/error.h"

namespace storm {

std::unique_ptr<RowSource> text_source(const TokenFile& file, int32_t eos, const TextSettings& text,
                                       std::optional<uint64_t> seed) {
  if (text.block == 0) return std::make_unique<TextLines>(file, eos);
  return std::make_unique<TextBlocks>(RunningText(file, eos, text.documents), text.block, seed);
}

void require_text(const TrainSettings& settings, const Task& task) {
  const TextSettings& text = settings.text;
  if (text.documents && text.block == 0)
    throw UsageError("--documents has no meaning with --rows, where each row is a text; leave one out");
  const int64_t most = task.sides()[0].longest;
  if (text.block > most)
    throw UsageError(str("--block ", text.block, ": the model takes up to ", most, " tokens; give a smaller one"));
  if (text.block > settings.max_tokens)
    throw UsageError(str("--block ", text.block, ": a batch has --max-tokens ", settings.max_tokens,
                         "; make the block smaller or the batch larger"));
}

}  // namespace storm
