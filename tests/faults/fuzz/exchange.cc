// Folders from elsewhere, one of whose texts is the input: its first byte says of which folder and which file.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "exchange/export.h"
#include "exchange/import.h"
#include "tests/faults/fuzz/fuzz.h"
#include "tests/scratch_folder.h"

using namespace storm;

namespace {

struct Place {
  const char *folder, *file;
};
constexpr std::array<Place, 8> kPlaces{{{"bert", "config.json"},
                                        {"gpt2", "config.json"},
                                        {"marian", "config.json"},
                                        {"marian", "generation_config.json"},
                                        {"marian", "tokenizer_config.json"},
                                        {"sentences", "modules.json"},
                                        {"sentences", "1_Pooling/config.json"},
                                        {"gpt2-shards", "model.safetensors.index.json"}}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const test::ScratchFolder scratch;
  static const std::string fixtures = std::string(std::getenv("STORM_ROOT")) + "/tests/exchange/data/";
  if (size == 0) return 0;
  const auto& [name, file] = kPlaces[data[0] % kPlaces.size()];
  const auto folder = scratch / name;
  if (!std::filesystem::exists(folder))
    std::filesystem::copy(fixtures + name, folder, std::filesystem::copy_options::recursive);
  std::ofstream(folder + "/" + file, std::ios::binary) << fuzz::text_of(data + 1, size - 1);
  const bool imported = fuzz::taken([&] {
    Output output(scratch / "model.st");
    import_folder(folder, "fuzz", output);
    output.commit();
  });
  std::filesystem::copy_file(fixtures + name + "/" + file, folder + "/" + file,
                             std::filesystem::copy_options::overwrite_existing);
  if (imported) fuzz::taken([&] { export_folder(scratch / "model.st", scratch / "again"); });
  std::filesystem::remove_all(scratch / "again");
  return 0;
}
