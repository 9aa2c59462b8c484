// Command lines, a word a line: they end with what the tools end with, 0, 1 or 2. No file is opened: -o FILE is only
// text.
#include <vector>

#include "inspect/attention_choice.h"
#include "tests/faults/fuzz/fuzz.h"
#include "tools/bleu_options.h"
#include "tools/f1_flags.h"
#include "tools/train_flags.h"

using namespace storm;

namespace {

void read_train(const Args& args) {
  const auto plan = train_flags::plan(args);
  const auto settings = train_flags::settings(args, {}, false);
  settings_from(to_json(settings));  // what flags may say, a checkpoint may hold
  const auto [architecture, preset] = train_flags::chosen(args);
  make_config(architecture, preset, train_flags::given_settings(args), {300, 300});
  train_flags::decoding(args);
  if (args.given("memory")) train_flags::memory_bytes(args);
}

void read_bleu(const Args& args) {
  seed_of(args, "SACREBLEU_SEED");
  style_of(args);
  inputs_of(args, false);
  bleu_options(args);
  chrf_options(args);
}

void read_f1(const Args& args) {
  seed_of(args, nullptr);
  inputs_of(args, tests_of(args).paired());
  list_values(args.text("metrics"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  std::vector<std::string> words{"tool"};
  std::string_view text = fuzz::text_of(data, size);
  while (!text.empty() && words.size() < 40) {
    const auto end = std::min(text.find('\n'), text.size());
    words.emplace_back(text.substr(0, text.substr(0, end).find('\0')));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::vector<const char*> pointers;
  for (const auto& word : words) pointers.push_back(word.c_str());
  Tool train{"train", "fuzz", "", kThreads | kDevice | kSeed, train_flags::flags(), ""};
  const auto argc = static_cast<int>(pointers.size());
  for (const int code :
       {run_tool(train, argc, pointers.data(), read_train), run_tool(kBleu, argc, pointers.data(), read_bleu),
        run_tool(kF1, argc, pointers.data(), read_f1)})
    if (code < 0 || code > 2) std::abort();
  return 0;
}
