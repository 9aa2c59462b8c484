#include "data/text_source.h"

#include "base/error.h"
#include "base/log.h"
#include "data/text_streams.h"

namespace storm {

std::unique_ptr<RowSource> text_source(const TokenFile& file, int32_t eos, const TextSettings& text,
                                       std::optional<uint64_t> seed) {
  if (text.block == 0) return std::make_unique<TextLines>(file, eos);
  RunningText running(file, eos, text.documents);
  if (text.streams == 0) return std::make_unique<TextBlocks>(std::move(running), text.block, seed);
  const int64_t size = running.size();
  auto streams = std::make_unique<TextStreams>(std::move(running), text.block, text.streams, !seed);
  require(!seed || streams->length() > 0, file.name(), ": its text has ", size, " tokens, fewer than --streams ",
          text.streams);
  if (streams->left_out() > 0)
    note(streams->left_out(), " of ", size, " tokens of ", file.name(), " do not fill ", text.streams,
         " streams: left out");
  return streams;
}

}  // namespace storm
