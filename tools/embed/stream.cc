// The vectors themselves: of texts as a stream, of the table as word2vec writes them.
#include "stream/embeddings.h"
#include "tools/embed/modes.h"
#include "train/replicas.h"
#include "vectors/word2vec.h"

namespace storm {

void write_stream(Space& space, const Args& args, Output& output) {
  if (!is_launched()) refuse_terminal(output);
  auto metadata = space.metadata();
  metadata[kCommandKey] = args.command();
  EmbeddingsWriter writer(output, std::move(metadata), space.width(), space.flags().dtype);
  const auto each = [&](const TextVectors& v, int64_t) {
    const auto width = static_cast<std::size_t>(v.width);
    for (std::size_t i = 0; i + 1 < v.offsets.size(); ++i) {
      const auto begin = v.offsets[i], n = v.offsets[i + 1] - begin;
      writer.add(std::span(v.vectors).subspan(begin * width, n * width), std::span(v.texts).subspan(begin, n));
    }
  };
  space.each_batch(each, [&] { writer.flush(); });
  writer.finish();
  args.stat("rows", static_cast<double>(writer.rows()));
}

void write_table(Space& space, const Args&, Output& output) {
  const auto format = space.flags().format;
  if (format == Word2vecFormat::binary) refuse_terminal(output);
  write_word2vec(
      space.table(), space.table_width(), [&](int64_t row) { return space.row_text(row); }, format, output);
}

}  // namespace storm
