// Neighbours of each line.
#include "vectors/nearest.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "stream/embeddings.h"
#include "tools/embed/modes.h"
#include "vectors/word_vectors.h"

namespace storm {
namespace {

// An index that was made in another way than the lines' vectors is refused, or a warning, as far as both say how.
void check_index(const EmbeddingsFile& file, const Space& space) {
  require(file.width == space.width(), file.name, ": its vectors have ", file.width, " numbers, those of ",
          space.name(), " have ", space.width(), "; make the index with the same model");
  const auto own = space.metadata();
  // Calls then(theirs, ours) where they differ.
  const auto compare = [&](const char* key, const auto& then) {
    const auto theirs = file.metadata.find(key), ours = own.find(key);
    if (theirs != file.metadata.end() && ours != own.end() && theirs->second != ours->second)
      then(theirs->second, ours->second);
  };
  compare("embeddings.vocabulary", [&](const auto& theirs, const auto& ours) {
    fail(file.name, ": made with another vocabulary than ", space.name(), "'s (", theirs, " ≠ ", ours,
         "); make the index with the same model");
  });
  compare("embeddings.layer", [&](const auto& theirs, const auto& ours) {
    warn(file.name, ": made with layer ", theirs, ", the lines' vectors are of layer ", ours);
  });
  const auto level = file.metadata.find("embeddings.level");
  if (level != file.metadata.end() && level->second != "line" && space.metadata()["embeddings.layer"] == "static")
    return;  // a table's rows are pooled of nothing
  compare("embeddings.pool", [&](const auto& theirs, const auto& ours) {
    warn(file.name, ": made with --pool ", theirs, ", the lines' vectors with ", ours);
  });
}

}  // namespace

void write_nearest(Space& space, const Args& args, Output& output) {
  std::optional<EmbeddingsFile> file;
  std::vector<VectorBlock> blocks;
  if (args.given("index")) {
    file = map_embeddings(args.text("index"));
    check_index(*file, space);
    blocks = blocks_of(*file);
  } else {
    blocks = space.rows();
  }
  const auto k = space.flags().nearest;
  const auto each = [&](const TextVectors& v, int64_t before) {
    // Lines that pass the index together, and what they find: 32 MiB at most.
    const auto at_once = static_cast<std::size_t>(std::clamp<int64_t>((int64_t{1} << 20) / k, 16, 4096));
    const auto width = static_cast<std::size_t>(v.width), lines = v.texts.size();
    for (std::size_t first = 0; first < lines; first += at_once) {
      const auto n = std::min(at_once, lines - first);
      std::vector<std::vector<int64_t>> own(n);
      for (std::size_t i = 0; i < n && !file; ++i) own[i] = space.own_rows(v.texts[first + i]);
      const auto most = std::ranges::max(own, {}, &std::vector<int64_t>::size).size();
      const auto found = nearest(blocks, v.width, std::span(v.vectors).subspan(first * width, n * width),
                                 k + static_cast<int64_t>(most));
      for (std::size_t i = 0; i < n; ++i) {
        const auto line = before + static_cast<int64_t>(first + i) + 1;
        const auto row = v.row(first + i);
        require(v.texts[first + i].empty() || std::ranges::any_of(row, [](float x) { return x != 0; }), "line ", line,
                ", '", v.texts[first + i], "': its vector is zero and has no neighbours");
        int64_t rank = 0;
        for (const auto& neighbour : found[i]) {
          if (rank == k || std::ranges::find(own[i], neighbour.row) != own[i].end()) continue;
          output.write(str(line, '\t', ++rank, '\t', fixed(neighbour.score, 6), '\t',
                           field(file ? file->text(neighbour.row) : space.row_text(neighbour.row)), '\n'));
        }
      }
    }
  };
  space.each_batch(each, [&] { output.flush(); });
}

}  // namespace storm
