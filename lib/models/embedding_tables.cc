#include "models/embedding_tables.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace storm {

bool has_decoder(const Settings& s) { return !s.contains("decoder") || s.on("decoder"); }

void leave_out_decoder(nlohmann::json& config) {
  config["decoder"] = false;
  config.erase(TableSizes::keys()[1]);
}

TableSizes TableSizes::from(const Settings& s) {
  TableSizes t;
  t.source = s.whole(keys()[0], 1, 1 << 24);
  if (has_decoder(s)) t.target = s.whole(keys()[1], 1, 1 << 24);
  t.share = static_cast<Share>(s.choice("share_embeddings", {"all", "target", "none"}));
  if (t.share == Share::all && has_decoder(s) && t.source != t.target)
    throw UsageError("--share-embeddings: all needs one vocabulary for both sides; take target or none");
  return t;
}

std::vector<std::string> TableSizes::keys() { return {"source_vocab_size", "target_vocab_size"}; }

Setting TableSizes::setting() {
  return {"share-embeddings", "all|target|none", "all", "all: source, target and output; target: target and output"};
}

ParameterId declare_table(ParameterList& list, const std::string& name, int64_t rows, int64_t width, double deviation) {
  return list.add({.name = name,
                   .shape = {rows, width},
                   .init = ParameterSpec::Init::normal,
                   .scale = static_cast<float>(deviation)});
}

EmbeddingTables EmbeddingTables::declare(ParameterList& list, const TableSizes& sizes, int64_t width,
                                         double deviation) {
  const auto table = [&](const char* name, int64_t rows, int32_t column) {
    return list.of_vocabulary(declare_table(list, name, rows, width, deviation), column);
  };
  if (sizes.share == Share::all) {
    const auto shared =
        table("embedding.weight", sizes.source, sizes.target > 0 ? TableSizes::kTarget : TableSizes::kSource);
    return {shared, shared};
  }
  const auto source = table("source_embedding.weight", sizes.source, TableSizes::kSource);
  if (sizes.target == 0) return {source, {}};
  return {source, table("target_embedding.weight", sizes.target, TableSizes::kTarget)};
}

SideLayers SideLayers::from(const Settings& s) {
  const int64_t layers = s.whole("layers", 1, 1000);
  const auto side = [&](const char* key) {
    const int64_t own = s.whole(key, 0, 1000);
    return own == 0 ? layers : own;
  };
  return {side("encoder_layers"), has_decoder(s) ? side("decoder_layers") : 0};
}

std::vector<Setting> SideLayers::settings(const char* preset) {
  return {{"layers", "N", preset, "layers of encoder and decoder"},
          {"encoder-layers", "N", "0", "layers of the encoder (0: as --layers)"},
          {"decoder-layers", "N", "0", "layers of the decoder (0: as --layers)"}};
}

}  // namespace storm
