// What the architectures that turn a source into a target have in common: which embedding tables are one, and how many
// layers each side has.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/settings.h"
#include "tensor/parameters.h"

namespace storm {

// all: the source's, the target's and the output layer's table are one; target: the last two; none: each is its own
// (Press and Wolf 2017).
enum class Share : uint8_t { all, target, none };

// "decoder": false in a configuration leaves the decoder out, and with it the target's vocabulary: the encoder alone.
bool has_decoder(const Settings& settings);
void leave_out_decoder(nlohmann::json& config);

struct TableSizes {
  static constexpr int32_t kSource = 0, kTarget = 1;  // their columns
  int64_t source = 0, target = 0;                     // of the vocabularies; 0: there is no decoder
  Share share = Share::all;

  static TableSizes from(const Settings& settings);  // throws UsageError
  static Setting setting();                          // of --share-embeddings
  static std::vector<std::string> keys();            // of the sizes, in a configuration
};

struct EmbeddingTables {
  ParameterId source, target;  // [vocabulary, width]; the same one where shared; no target without a decoder

  // Normal with this standard deviation.
  static EmbeddingTables declare(ParameterList& list, const TableSizes& sizes, int64_t width, double deviation);
};
ParameterId declare_table(ParameterList& list, const std::string& name, int64_t rows, int64_t width, double deviation);

// --layers, or what --encoder-layers and --decoder-layers say of their side.
struct SideLayers {
  int64_t encoder, decoder;

  static SideLayers from(const Settings& settings);
  static std::vector<Setting> settings(const char* preset);  // of the three flags
};

}  // namespace storm
