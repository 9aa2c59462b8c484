// make-corpus: writes the embedded corpus, parallel text with gold alignments, from a grammar and a seed.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "base/error.h"
#include "base/output.h"
#include "grammar.h"
#include "tools/cli.h"

namespace {

using namespace storm;

const Tool kTool{
    "make-corpus",
    "writes a parallel corpus with gold alignments from a synchronous grammar",
    "  make-corpus --seed 1 --train 40000 --valid 500 --test 1000 build/demo\n"
    "  make-corpus --start 'cardinal 0 99' --train 80 --valid 10 --test 10 numbers   # only numbers\n"
    "It writes SPLIT.en, SPLIT.de, SPLIT.align (words, Pharaoh format) and SPLIT.spans (characters).\n",
    kSeed,
    {{"train", "N", "40000", "training pairs"},
     {"valid", "N", "500", "validation pairs"},
     {"test", "N", "1000", "test pairs"},
     {"start", "SYMBOL", "sentence", "what to write: a rule of the grammar, or a number such as 'cardinal 0 99'"},
     {"grammar", "FILE", "data/english-german.grammar", "the rules"}},
    "DIR",
};

// Draws until the source side is new: the splits share no sentence, and no sentence comes twice.
class Pairs {
 public:
  Pairs(const Args& args)
      : grammar_(args.text("grammar")), start_(args.text("start")), seed_(args.integer("seed", 0, INT64_MAX)) {}

  // Each split has a stream of its own, so that test stays the same when train grows.
  void write(const std::string& path, uint64_t split, int64_t count) {
    RandomStream random(seed_, RandomUse::corpus, split);
    Output source(path + ".en"), target(path + ".de"), words(path + ".align"), spans(path + ".spans");
    for (int64_t i = 0; i < count; ++i) {
      const corpus::Phrase pair = next(random);
      source.write(text_of(pair.source) + "\n");
      target.write(text_of(pair.target) + "\n");
      words.write(word_alignment(pair) + "\n");
      spans.write(span_alignment(pair) + "\n");
    }
    for (Output* out : {&source, &target, &words, &spans}) out->commit();
  }

 private:
  corpus::Phrase next(RandomStream& random) {
    for (int tries = 0; tries < 100000; ++tries) {
      corpus::Phrase pair = grammar_.draw(start_, random);
      if (seen_.insert(text_of(pair.source)).second) return pair;
    }
    fail("'", start_, "' has no more than about ", seen_.size(), " different phrases; ask for fewer");
  }

  corpus::Grammar grammar_;
  std::string start_;
  uint64_t seed_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

int main(int argc, char** argv) {
  return run_tool(kTool, argc, argv, [](const Args& args) {
    if (args.operands().size() != 1) throw UsageError("name the folder to write to; see make-corpus --help");
    const std::string& folder = args.operands()[0];
    if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) fail(folder, ": ", std::strerror(errno));
    Pairs pairs(args);
    uint64_t split = 0;
    for (const std::string name : {"test", "valid", "train"})  // train last: it takes what is left
      pairs.write(folder + "/" + name, split++, args.integer(name, 0, 100000000));
  });
}
