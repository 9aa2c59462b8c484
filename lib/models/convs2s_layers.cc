#include "models/convs2s_layers.h"

#include <cmath>
#include <string_view>

#include "base/number.h"
#include "models/settings.h"

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
  c.decoder = convolutions("decoder");
  c.d_model = s.whole("d_model", 1, 1 << 16);
  c.max_positions = s.whole("max_positions", 1, 1 << 24);
  c.dropout = s.real("dropout", 0, 1);
  c.source_vocabulary = s.whole("source_vocab_size", 1, 1 << 24);
  c.target_vocabulary = s.whole("target_vocab_size", 1, 1 << 24);
  c.share = static_cast<Share>(s.choice("share_embeddings", {"all", "target", "none"}));
  if (c.share == Share::all && c.source_vocabulary != c.target_vocabulary)
    throw UsageError("--share-embeddings: all needs one vocabulary for both sides; take target or none");
  return c;
}

ConvS2SLayers::ConvS2SLayers(const ConvS2SConfig& c) {
  ParameterList& list = parameters;
  // Initial weights that keep the variance of what flows through (Gehring et al. 2017, §3.5): the gate of a linear unit
  // takes three quarters of it, dropout on the input adds 1 / kept.
  const double kept = 1 - static_cast<double>(c.dropout);
  const auto linear = [&](const std::string& name, int64_t in, int64_t out, double share = 1) {
    return NormedLayer::declare(list, name, in, out, std::sqrt(share / static_cast<double>(in)));
  };
  const auto table = [&](const std::string& name, int64_t rows) {
    return list.add({.name = name, .shape = {rows, c.d_model}, .init = ParameterSpec::Init::normal, .scale = 0.1f});
  };
  if (c.share == ConvS2SConfig::Share::all) {
    source_embedding = target_embedding = table("embedding.weight", c.target_vocabulary);
  } else {
    source_embedding = table("source_embedding.weight", c.source_vocabulary);
    target_embedding = table("target_embedding.weight", c.target_vocabulary);
  }
  source_positions = table("source_positions.weight", c.max_positions);
  target_positions = table("target_positions.weight", c.max_positions);
  const auto stack = [&](const std::string& side, const std::vector<ConvolutionSize>& sizes, bool attends) {
    std::vector<ConvolutionLayer> layers;
    int64_t in = sizes.front().width;
    for (const auto& [width, kernel] : sizes) {
      const auto name = str(side, ".", layers.size());
      ConvolutionLayer layer{.in = in, .kernel = kernel, .residual = {}, .conv = {}, .query = {}, .found = {}};
      if (in != width) layer.residual = linear(name + ".residual", in, width);
      layer.conv = linear(name + ".conv", kernel * in, 2 * width, 4 * kept);
      if (attends) {
        layer.query = linear(name + ".query", width, c.d_model);
        layer.found = linear(name + ".found", c.d_model, width);
      }
      layers.push_back(layer);
      in = width;
    }
    return layers;
  };
  encoder_in = linear("encoder.in", c.d_model, c.encoder.front().width, kept);
  encoder = stack("encoder", c.encoder, false);
  encoder_out = linear("encoder.out", c.encoder.back().width, c.d_model);
  decoder_in = linear("decoder.in", c.d_model, c.decoder.front().width, kept);
  decoder = stack("decoder", c.decoder, true);
  decoder_out = linear("decoder.out", c.decoder.back().width, c.d_model);
  if (c.share == ConvS2SConfig::Share::none) {
    output = linear("output", c.d_model, c.target_vocabulary, kept);
  } else {
    output.weight = target_embedding;
    output.bias = list.add({.name = "output.bias", .shape = {1, c.target_vocabulary}, .vector = true});
  }
}

}  // namespace storm
