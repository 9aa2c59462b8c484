// One space of word vectors turned into another.
#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "stream/embeddings.h"
#include "tools/embed/modes.h"
#include "vectors/alignment.h"
#include "vectors/word_vectors.h"

namespace storm {
namespace {

constexpr int64_t kRowsAtOnce = 4096;

// The source's rows, words and n-grams in the target's space.
void write_mapped(const WordVectors& source, std::span<const double> matrix, const Args& args, DType dtype,
                  Output& output) {
  auto metadata = source.file().metadata;
  metadata[kCommandKey] = args.command();
  EmbeddingsWriter writer(output, std::move(metadata), source.width(), dtype);
  const auto width = static_cast<std::size_t>(source.width());
  for (int64_t first = 0; first < source.size(); first += kRowsAtOnce) {
    const auto n = static_cast<std::size_t>(std::min(kRowsAtOnce, source.size() - first));
    std::vector<float> rows(n * width);
    for (std::size_t i = 0; i < n; ++i)
      source.read(first + static_cast<int64_t>(i), std::span(rows).subspan(i * width, width));
    rows = mapped(rows, matrix, source.width());
    for (std::size_t i = 0; i < n; ++i) {
      const std::string word(source.word(first + static_cast<int64_t>(i)));
      writer.add(std::span(rows).subspan(i * width, width), std::span(&word, 1));
    }
  }
  const auto n_grams = mapped(source.n_grams(), matrix, source.width());
  if (!source.buckets().empty()) writer.add_subwords(source.buckets(), n_grams);
  writer.finish();
}

}  // namespace

void align(const Args& args) {
  for (const char* flag : {"model", "align"})
    require(is_word_vectors(args.text(flag)), args.text(flag),
            ": --align takes streams of word vectors; of a model's table, make one with --vocab and tensor import");
  std::optional<Output> stream;  // which is tried before the work
  if (args.given("save")) stream.emplace(args.text("save"));
  const auto dictionary = read_dictionary(args.text("dictionary"));
  std::vector<Translation> held_out;
  if (args.given("test-dictionary")) held_out = read_dictionary(args.text("test-dictionary"));
  const WordVectors source(args.text("model")), target(args.text("align"));
  require(!source.file().batches.front().document.find("vocab"), source.name(),
          ": its rows are pieces of a vocabulary; --align takes vectors of words");
  const auto map = align_spaces(source, target, dictionary);
  if (map.pairs < source.width())
    warn(map.pairs, " pairs for spaces of ", source.width(), " dimensions leave the map open in some; give more");
  Output figures("-");
  figures.write(
      str("pairs\t", dictionary.size(), "\nused\t", map.pairs, "\nmean cosine\t", fixed(map.cosine, 6), '\n'));
  if (!held_out.empty()) {
    const auto precision = translation_precision(source, target, map.matrix, held_out);
    require(precision.words > 0, args.text("test-dictionary"), ": no pair has rows in ", source.name(), " and ",
            target.name());
    figures.write(str("test words\t", precision.asked, "\nfound\t", precision.words, '\n'));
    for (std::size_t d = 0; d < precision.right.size(); ++d)
      figures.write(str("precision@", TranslationPrecision::kDepths[d], '\t',
                        fixed(static_cast<double>(precision.right[d]) / static_cast<double>(precision.words), 6),
                        '\n'));
  }
  if (stream) {
    write_mapped(source, map.matrix, args, embed_flags(args).dtype, *stream);
    stream->commit();
  }
  figures.commit();
}

}  // namespace storm
