// Looks at what a model's encoder makes of text, and at tables of word vectors: vectors, neighbours, agreement with
// people, analogies, a map. And learns such tables.
#include <utility>

#include "base/error.h"
#include "base/output.h"
#include "cpu/gemm.h"
#include "tools/embed/learn.h"
#include "tools/embed/modes.h"
#include "tools/embed/space.h"
#include "tools/embed_flags.h"
#include "tools/replicas.h"
#include "tools/spread_files.h"

namespace storm {
namespace {

void write_answer(Space& space, const Args& args, Output& output) {
  switch (space.flags().mode) {
    case EmbedMode::nearest:
      return write_nearest(space, args, output);
    case EmbedMode::arithmetic:
      return write_arithmetic(space, args, output);
    case EmbedMode::odd_one_out:
      return write_odd_ones_out(space, args, output);
    case EmbedMode::plot:
      return write_plot(space, args, output);
    case EmbedMode::similarity:
      return write_similarity(space, args, output);
    case EmbedMode::analogy:
      return write_analogies(space, args, output);
    case EmbedMode::vocab:
      return write_table(space, args, output);
    default:
      return write_stream(space, args, output);
  }
}

void embed(const Args& given) {
  Replicas& replicas = join(given);
  SpreadFiles spread(replicas);
  const Args args = spread(given, {"model"});
  if (args.on("learn")) {
    require_one_process("embed --learn");
    return learn_vectors(args);
  }
  refuse_learning(args);
  const auto flags = embed_flags(args);  // what is wrong in the command line is said before a model is read
  if (!args.given("model")) throw UsageError("-m MODEL is missing: whose vectors are wanted?");
  if (flags.mode != EmbedMode::stream || is_word_vectors(args.text("model")))
    require_one_process("embed, but for a model's vectors of standard input,");
  if (flags.mode == EmbedMode::align) return align(args);
  const auto space = is_word_vectors(args.text("model")) ? word_space(args, flags) : model_space(args);
  Output output(replicas.is_first() ? args.text("save") : "/dev/null");
  write_answer(*space, args, output);
  output.commit();
  replicas.finish();
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  auto tool = storm::kEmbedTool;
  for (auto& flag : storm::learn_flags()) tool.flags.push_back(std::move(flag));
  return storm::run_tool(tool, argc, argv, storm::embed);
}
