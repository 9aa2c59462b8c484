#include "inspect/embedder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "models/generator.h"

namespace storm {

Embedder::Embedder(const Model& model, Vocabulary vocabulary, int32_t eos, EmbedOptions options, Device* device)
    : model_(as<TextEncoder>(model)),
      vocabulary_(std::move(vocabulary)),
      eos_(eos),
      options_(options),
      table_width_(model.description().width),
      width_(table_width_),
      device_(device) {
  while (workspaces_.size() < (device ? 1 : static_cast<std::size_t>(thread_count()))) workspaces_.emplace_back(device);
  const int64_t layers = encoder_layers(model);
  require(options.layer >= EmbedOptions::kStatic && options.layer <= layers, "layer ", options.layer,
          ": the model has layers 0 to ", layers);
  if (options.layer != EmbedOptions::kStatic)
    width_ = model.description().state_widths[static_cast<std::size_t>(options.layer)];
}

// states: [pieces, width]; rows: [starts, width], where each of starts is a row's first piece.
void Embedder::pool_line(std::span<const float> states, std::span<const std::size_t> starts,
                         std::span<float> rows) const {
  const auto width = static_cast<std::size_t>(width_);
  for (std::size_t r = 0; r < starts.size(); ++r) {
    const auto begin = starts[r] * width, end = r + 1 < starts.size() ? starts[r + 1] * width : states.size();
    pool(states.subspan(begin, end - begin), options_.pool, rows.subspan(r * width, width));
  }
}

void Embedder::encode(std::span<const std::span<const int32_t>> sources, std::span<const std::size_t> places,
                      Workspace& workspace, TextVectors& out, std::span<const std::vector<std::size_t>> starts) const {
  const auto width = static_cast<std::size_t>(width_);
  const auto rows_of = [&](std::size_t s) {
    return std::span(out.vectors).subspan(out.offsets[s] * width, (out.offsets[s + 1] - out.offsets[s]) * width);
  };
  if (options_.layer == EmbedOptions::kStatic) {
    const auto table = model_.token_embeddings();
    std::vector<float> states;
    for (const std::size_t s : places) {
      states.resize(sources[s].size() * width);
      for (std::size_t i = 0; i < sources[s].size(); ++i)
        std::copy_n(table.begin() + static_cast<std::ptrdiff_t>(sources[s][i]) * width_, width,
                    states.begin() + static_cast<std::ptrdiff_t>(i * width));
      pool_line(states, starts[s], rows_of(s));
    }
    return;
  }
  const bool begins = model_.begins_with_eos();
  PackedSentences packed;
  for (const std::size_t s : places) packed.add(begins ? eos_ : -1, sources[s], begins ? -1 : eos_);
  Trace trace;
  trace.states = true;
  workspace.graph.clear();
  model_.encode(workspace.graph, packed, trace);
  workspace.run();
  const float* states = workspace.data(trace.encoder_states[static_cast<std::size_t>(options_.layer)]);
  for (std::size_t i = 0; i < places.size(); ++i)
    pool_line({states + static_cast<std::size_t>(packed.offsets[i] + (begins ? 1 : 0)) * width,
               sources[places[i]].size() * width},
              starts[places[i]], rows_of(places[i]));
}

TextVectors Embedder::operator()(std::span<const std::span<const int32_t>> sources,
                                 std::span<const std::vector<std::size_t>> batches,
                                 const std::function<std::string(std::size_t)>& named,
                                 std::span<const PlacedWords> placed) {
  TextVectors out;
  out.width = width_;
  std::vector<std::vector<std::size_t>> starts(sources.size());
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const auto ids = sources[s];
    const int64_t tokens = tokens_with_eos(ids.size());
    if (options_.layer != EmbedOptions::kStatic && tokens > model_.longest_source())
      fail(named(s), ": ", tokens, " tokens with EOS, the model takes ", model_.longest_source(),
           "; cut it with tokenize --max-length");
    if (options_.level == Level::word && !placed.empty()) {
      starts[s] = placed[s].starts;
    } else if (options_.level == Level::word) {
      starts[s] = word_starts(ids, vocabulary_);
    } else if (options_.level == Level::piece) {
      for (std::size_t i = 0; i < ids.size(); ++i) starts[s].push_back(i);
    } else if (!ids.empty()) {
      starts[s].push_back(0);
    }
    if (options_.level == Level::word && !placed.empty()) {
      out.texts.insert(out.texts.end(), placed[s].texts.begin(), placed[s].texts.end());
    } else if (options_.level == Level::line) {
      out.texts.push_back(vocabulary_.decode(ids));
    } else {
      for (std::size_t r = 0; r < starts[s].size(); ++r) {
        const auto begin = starts[s][r], end = r + 1 < starts[s].size() ? starts[s][r + 1] : ids.size();
        auto text = options_.level == Level::piece ? vocabulary_.piece(ids[begin])
                                                   : vocabulary_.decode(ids.subspan(begin, end - begin));
        if (options_.level == Level::word && text.starts_with(' ')) text.erase(0, 1);
        out.texts.push_back(std::move(text));
      }
    }
    out.offsets.push_back(out.texts.size());
  }
  out.vectors.resize(out.texts.size() * static_cast<std::size_t>(width_));
  if (device_)
    for (const auto& batch : batches) encode(sources, batch, workspaces_[0], out, starts);
  else
    parallel_items(static_cast<int64_t>(batches.size()), [&](int64_t b) {
      encode(sources, batches[static_cast<std::size_t>(b)], workspaces_[static_cast<std::size_t>(thread_number())], out,
             starts);
    });

  for (std::size_t s = 0; s < sources.size(); ++s)
    for (auto r = out.offsets[s]; r < out.offsets[s + 1]; ++r) {
      const auto row =
          std::span(out.vectors).subspan(r * static_cast<std::size_t>(width_), static_cast<std::size_t>(width_));
      const auto bad = std::find_if(row.begin(), row.end(), [](float x) { return !std::isfinite(x); });
      if (bad != row.end())
        fail(named(s), ", '", out.texts[r], "': number ", bad - row.begin() + 1, " of its vector is ",
             std::isnan(*bad) ? "NaN" : "infinite", "; has the training of ", options_.model_name,
             " diverged? take an earlier checkpoint");
      if (options_.normalize && !sources[s].empty() && !(normalize(row) > 0))
        fail(named(s), ", '", out.texts[r], "': its vector is zero and cannot be normalised");
    }
  return out;
}

}  // namespace storm
