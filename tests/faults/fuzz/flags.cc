// Command lines, an argument a line, of the tools whose flags are read into the library's structs.
#include <cstdio>
#include <vector>

#include "tests/faults/fuzz/fuzz.h"
#include "tools/attn_dump_flags.h"
#include "tools/bleu_options.h"
#include "tools/embed_flags.h"
#include "tools/train_flags.h"

using namespace storm;

namespace {

void read_train(const Args& args) {
  train_flags::plan(args);
  train_flags::settings(args, {}, false);
  train_flags::decoding(args);
  const auto [architecture, preset] = train_flags::chosen(args);
  make_config(architecture, preset, train_flags::given_settings(args), 1, 1);
  if (args.given("memory")) train_flags::memory_bytes(args);
}

void read_bleu(const Args& args) {
  metrics_of(args, 1);
  style_of(args);
  seed_of(args);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) { return std::freopen("/dev/null", "w", stdout) ? 0 : 1; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const Tool train{"train", "", "", kThreads | kDevice | kSeed, train_flags::flags(), ""};
  return fuzz::judged(data, size, [](std::string_view bytes) {
    std::vector<std::string> words{"tool"};
    for (std::size_t at = 0; at < bytes.size() && words.size() < 20;) {
      const auto end = std::min(bytes.find('\n', at), bytes.size());
      words.emplace_back(bytes.substr(at, end - at).substr(0, bytes.find('\0', at) - at));
      at = end + 1;
    }
    std::vector<const char*> argv;
    for (const auto& word : words) argv.push_back(word.c_str());
    const auto argc = static_cast<int>(argv.size());
    run_tool(train, argc, argv.data(), read_train);
    run_tool(kEmbedTool, argc, argv.data(), [](const Args& args) { embed_flags(args); });
    run_tool(kAttentionDump, argc, argv.data(), [](const Args& args) { check_attention_dump(args); });
    run_tool(kBleu, argc, argv.data(), read_bleu);
  });
}
