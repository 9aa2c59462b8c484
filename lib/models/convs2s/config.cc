#include "models/convs2s/config.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/number.h"
#include "models/convs2s/model.h"

namespace storm {

std::vector<ConvolutionSize> convolutions_from(const std::string& flag, const std::string& text) {
  constexpr int64_t kLayers = 1000;
  std::vector<ConvolutionSize> all;
  std::size_t at = 0;
  const auto refuse = [&](const auto&... what) {
    throw UsageError(str("--", flag, ": '", text, "', character ", at + 1, ": ", what...,
                         "; expected WIDTHxKERNEL or WIDTHxKERNEL*LAYERS, joined by commas: 512x3*4,1024x3*2"));
  };
  const auto number = [&](const char* what, int64_t most) {
    const auto end = std::min(text.find_first_not_of("0123456789", at), text.size());
    const auto value = parse_number<int64_t>(std::string_view(text).substr(at, end - at));
    if (end == at) refuse("a ", what, " is missing");
    if (!value || *value < 1 || *value > most)
      refuse("a ", what, " of ", text.substr(at, end - at), " is not from 1 to ", most);
    at = end;
    return *value;
  };
  const auto next_is = [&](char c) { return at < text.size() && text[at] == c ? (++at, true) : false; };
  while (true) {
    ConvolutionSize size{};
    size.width = number("width", 1 << 16);
    if (!next_is('x')) refuse("'x' and a kernel are missing");
    size.kernel = number("kernel", 1 << 10);
    const auto layers = next_is('*') ? number("number of layers", kLayers) : 1;
    all.insert(all.end(), static_cast<std::size_t>(layers), size);
    if (all.size() > kLayers) refuse("more than ", kLayers, " layers");
    if (at == text.size()) return all;
    if (!next_is(',')) refuse("not understood");
  }
}

ConvS2SConfig ConvS2SConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  ConvS2SConfig c{};
  // A side's own convolutions, or those of both. A bare number, which a configuration holds as one, is no such list.
  const auto convolutions = [&](const std::string& side) {
    const auto text = [&](const std::string& key) {
      const auto& v = s.at(key);
      return v.is_string() ? v.get<std::string>() : v.dump();
    };
    const std::string own = text(side + "_conv");
    return own.empty() ? convolutions_from("conv", text("conv")) : convolutions_from(side + "-conv", own);
  };
  c.encoder = convolutions("encoder");
  if (has_decoder(s)) c.decoder = convolutions("decoder");
  c.d_model = s.whole("d_model", 1, 1 << 16);
  c.max_positions = s.whole("max_positions", 1, 1 << 24);
  c.dropout = s.real("dropout", 0, 1);
  c.tables = TableSizes::from(s);
  return c;
}

const Architecture& convs2s_architecture() {
  static const Architecture architecture{
      .name = "convs2s",
      .settings = {{"conv", "LAYERS", "512x3*20",
                    "convolutions, WIDTHxKERNEL*LAYERS,...: 512x3*4,1024x3*2 are 4 layers and 2 wider ones"},
                   {"encoder-conv", "LAYERS", "", "convolutions of the encoder (empty: as --conv)"},
                   {"decoder-conv", "LAYERS", "", "convolutions of the decoder (empty: as --conv)"},
                   {"d-model", "N", "512", "width of embeddings and attention"},
                   {"max-positions", "N", "1024", "longest sentence with learned positions"},
                   {"dropout", "RATE", "0.1",
                    "dropout of embeddings, of the inputs of convolutions and of the output layer"},
                   TableSizes::setting()},
      .presets = {{"convs2s-tiny",
                   {{"conv", "128x3*6"}, {"d-model", "128"}, {"max-positions", "512"}, {"dropout", "0.2"}}},
                  {"convs2s", {{"share-embeddings", "none"}}}},
      .preset = "convs2s",
      .vocabularies = TableSizes::keys(),
      .task = "translation",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = ConvS2SConfig::from(json);
        if (config.tables.target > 0) return std::make_unique<ConvS2SModel>(json, config, ConvS2SLayers(config));
        return std::make_unique<ConvS2SEncoder<TextEncoder>>(json, config, ConvS2SLayers(config));
      },
      .encoder_alone = leave_out_decoder};
  return architecture;
}

}  // namespace storm
