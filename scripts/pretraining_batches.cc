// The batches that train takes of documents, for others to be given the same.
//   pretraining-batches DOCS.st MODEL.st OUT.safetensors COUNT MAX_TOKENS BLOCK SEED
// The first COUNT batches of a training with these settings. Batch i has i.ids, i.offsets, i.segments, i.masked (the
// piece that is asked for at each token, or -1) and, with next sentences, i.next. Prints how many tokens they have.
#include <cstdio>

#include "base/error.h"
#include "base/output.h"
#include "data/batches.h"
#include "models/model_file.h"
#include "stream/document.h"
#include "tasks/task.h"
#include "text/vocabulary.h"

namespace {

using namespace storm;

int64_t write_batches(const char* const* argv) {
  const auto loaded = load_model(argv[2]);
  const auto& kind = task_kind("masked-language-model");
  const std::vector vocabularies{Vocabulary::from_bytes(loaded.vocabulary("text"), loaded.name)};
  const auto task = kind.make(*loaded.model, vocabularies);
  TokenFile file(argv[1], kind.columns, true);
  file.index({vocabularies[0].size()});
  const auto seed = std::stoull(argv[7]);
  const auto rows = task->rows(file, {.block = std::stoll(argv[6])}, seed);
  const BatchSource source(*rows, task->sides(), std::stoll(argv[5]), true, seed);
  Document document;
  Place place;
  Rows taken;
  int64_t tokens = 0;
  for (int64_t i = 0; i < std::stoll(argv[4]); ++i) {
    while (!source.next(place, taken)) continue;  // the next epoch begins
    const Batch batch = task->batch(taken, 0, taken.size());
    const auto add = [&](const char* name, const std::vector<int32_t>& values) {
      document.add(str(i, ".", name), DType::I32, {std::ssize(values)}, std::as_bytes(std::span(values)));
    };
    add("ids", batch.inputs[0].ids);
    add("offsets", batch.inputs[0].offsets);
    add("segments", batch.inputs[0].segments);
    add("masked", batch.labels.at(0));
    if (batch.labels.size() > 1) add("next", batch.labels[1]);
    tokens += batch.inputs[0].tokens();
  }
  Output output(argv[3]);
  write_document(output, document);
  output.commit();
  return tokens;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fputs("pretraining-batches DOCS.st MODEL.st OUT.safetensors COUNT MAX_TOKENS BLOCK SEED\n", stderr);
    return 2;
  }
  try {
    std::printf("tokens=%lld\n", static_cast<long long>(write_batches(argv)));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "pretraining-batches: %s\n", e.what());
    return 1;
  }
}
