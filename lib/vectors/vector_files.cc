#include "vectors/vector_files.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "vectors/vector_format.h"

namespace storm {

namespace {

constexpr std::array kFormats{&kFastTextBinary, &kWord2vecBinary, &kWord2vecText, &kGloveText};

auto format_of(const MappedFile& file) {
  return std::ranges::find_if(kFormats, [&](const auto* format) { return format->recognised(text_of(file)); });
}

}  // namespace

bool holds_vectors(const MappedFile& file) { return format_of(file) != kFormats.end(); }

void import_vectors(const MappedFile& file, const std::string& command, Output& output) {
  require(!file.bytes().empty(), file.name(), ": empty, not a file of vectors");
  const auto format = format_of(file);
  require(format != kFormats.end(), file.name(),
          ": not a file of vectors: neither fastText's .bin, nor word2vec's with its header, nor lines of a word and "
          "its numbers");
  std::optional<WordVectorsWriter> writer;
  (*format)->read(file, [&](int64_t width, const Subwords& n_grams) -> WordVectorsWriter& {
    return writer.emplace(output, file.name(), command, width, n_grams);
  });
  writer->finish();
  note(file.name(), ": ", (*format)->name, ", ", writer->rows(), " words of ", writer->width(), " numbers");
}

}  // namespace storm
