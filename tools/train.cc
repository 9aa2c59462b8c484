// Trains a model on a token stream.
#include <algorithm>

#include "base/error.h"
#include "base/split.h"
#include "cpu/gemm.h"
#include "tools/train/learner.h"

namespace storm {
namespace {

// What learns is added by its line here; the first has what no preset is named for. Made when main runs: the
// architectures that a learner asks for are ready only then.
std::vector<const Learner*> learners() { return {&gradient_learner(), &ngram_learner()}; }

bool has(const Learner& learner, const std::string& flag) {
  return std::ranges::any_of(learner.flags, [&](const Flag& f) { return f.name == flag; });
}

std::vector<Flag> flags() {
  std::vector<Flag> all;
  for (const Learner* learner : learners())
    for (const Flag& flag : learner->flags) {
      const auto same = std::ranges::find(all, flag.name, &Flag::name);
      if (same == all.end())
        all.push_back(flag);
      else if (!flag.help.empty())
        same->help += "; " + flag.help;
    }
  return all;
}

// Made when main runs: the architectures it asks for are ready only then.
Tool tool() {
  return {"train",
          "trains a model on a token stream: to translate, to continue text, to label, tag or answer",
          R"(  train --data train.st --valid valid.st --preset tiny -o model.st
  paste train.en train.de | tokenize -m spm.model --columns src,tgt | train --preset small --minutes 60 -o model.st
  train --data train.st --valid valid.st --patience 10 --average 10 --log run.tsv -o model.st
  train --data train.st --valid valid.st --resume -o model.st                (the same command, after it was stopped)
  train --data new.st --init model.st --schedule constant --lr 1e-4 --epochs 3 -o tuned.st
  train --data labelled.st --init bert.st --task classification --valid dev.st --measure accuracy -o labels.st
  train --data new.st --init model.st --lora 8 --save-adapter lora.st --epochs 3 -o tuned.st
  train --data train.st --preset base --max-tokens auto --memory 8G --dry-run
  train --data train.st --preset base --max-tokens 25000 --device cuda --precision bf16 -o model.st
  train --data train.st --valid valid.st --preset rnn-attn-tiny --attention general --input-feeding -o rnn.st
  tokenize -m spm.model --max-length 0 < corpus.txt | train --preset gpt-tiny -o lm.st
  train --data text.st --valid valid.st --preset rnn-lm-tiny --streams 20 -o lm.st
  train --data docs.st --preset bert-tiny -o bert.st                         (masked words and next sentences)
  train --data corpus.txt --preset 5-gram -o lm.st                           (modified Kneser-Ney)
)",
          kThreads | kDevice | kSeed,
          flags(),
          ""};
}

// The learner of the preset. Throws UsageError for a flag that only another one has.
const Learner& wanted_learner(const Args& args) {
  const auto all = learners();
  const auto wanted = std::ranges::find_if(all, [&](const Learner* learner) {
    return args.given("preset") && std::ranges::find(learner->presets, args.text("preset")) != learner->presets.end();
  });
  if (args.given("preset") && wanted == all.end()) {
    std::vector<std::string> names;
    for (const Learner* learner : all) names.insert(names.end(), learner->presets.begin(), learner->presets.end());
    throw UsageError(str("--preset: '", args.text("preset"), "' is none of ", joined(names, ", ")));
  }
  const Learner& learner = wanted == all.end() ? *all[0] : **wanted;
  for (const Flag& flag : flags()) {
    const auto name = flag.name.substr(flag.name.find(',') + 1);  // without its short form
    if (!has(learner, flag.name) && args.given(name))
      throw UsageError(str("--", name, " has no meaning with --preset ", args.text("preset")));
  }
  return learner;
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  return storm::run_tool(storm::tool(), argc, argv,
                         [](const storm::Args& args) { storm::wanted_learner(args).learn(args); });
}
