#include "train/text_limits.h"

#include "base/error.h"

namespace storm {

void require_text(const TrainSettings& settings, const Model& model, const Task& task) {
  const auto& [block, documents, streams] = settings.text;
  if (documents && block == 0)
    throw UsageError("--documents has no meaning with --rows, where each row is a text; leave one out");
  const int64_t most = task.sides()[0].longest;
  if (block > most)
    throw UsageError(str("--block ", block, ": the model takes up to ", most, " tokens; give a smaller one"));
  if (streams == 0) return;
  if (block == 0) throw UsageError("--streams has no meaning with --rows, where each row is a text; leave one out");
  if (task.carried_width() == 0)
    throw UsageError(str("--streams: a model of the architecture ", model.architecture(),
                         " carries no state from block to block; leave it out"));
  const int64_t tokens = streams * block;
  if (tokens > kMostTokens)
    throw UsageError(str("--streams ", streams, " of --block ", block, ": a batch has up to ", kMostTokens, " tokens"));
  if (settings.max_tokens != tokens)
    throw UsageError(str("--max-tokens ", settings.max_tokens, " contradicts --streams ", streams, " of --block ",
                         block, ", whose batches have ", tokens, " tokens; leave it out"));
  if (settings.accumulate > 1)
    throw UsageError(str("--accumulate ", settings.accumulate,
                         " has no meaning with --streams, which are one batch an update; leave it out"));
}

void require_block_fits(const TrainSettings& settings, const Task& task) {
  if (settings.text.block == 0) return;
  const int64_t row = settings.text.block + 1;  // the labels, and the token before them
  if (const int64_t tokens = tokens_on(task.sides()[0], {&row, 1}); tokens > settings.max_tokens)
    throw UsageError(str("--block ", settings.text.block, ", of ", tokens, " tokens: a batch has --max-tokens ",
                         settings.max_tokens, "; make the block smaller or the batch larger"));
}

}  // namespace storm
