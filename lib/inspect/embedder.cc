#include "inspect/embedder.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "base/parallel.h"
#include "ops/weighted_sum.h"

namespace storm {

namespace {

// weights: two or more, as many as layers
Value mixed(Graph& graph, std::span<const Value> layers, std::span<const float> weights) {
  Term sum{layers[0], weights[0]};
  for (std::size_t l = 1; l < layers.size(); ++l) sum = {weighted_sum(graph, sum, {layers[l], weights[l]})};
  return sum.value;
}

void check_mix(std::span<const float> weights, std::span<const int64_t> widths, const std::string& model) {
  if (weights.size() != widths.size())
    throw UsageError(str("--mix: ", weights.size(), " weights, ", model, " has the ", widths.size(), " layers 0 to ",
                         widths.size() - 1));
  for (const int64_t width : widths)
    if (width != widths[0])
      throw UsageError(str("--mix: the layers of ", model, " have different widths, ", widths[0], " and ", width,
                           ", and cannot be added; take --layer"));
}

}  // namespace

Embedder::Embedder(const Model& model, Vocabulary vocabulary, EmbedOptions options, Device* device)
    : model_(as<TextEncoder>(model)),
      pooler_(options.pool == Pool::pooler ? &as<TextPooler>(model) : nullptr),
      vocabulary_(std::move(vocabulary)),
      options_(options),
      frame_(TextFrame::of(model_, vocabulary_, options.model_name)),
      table_width_(model.description().width),
      width_(table_width_),
      device_(device) {
  while (workspaces_.size() < (device ? 1 : static_cast<std::size_t>(thread_count()))) workspaces_.emplace_back(device);
  const int64_t layers = encoder_layers(model);
  require(options.layer >= EmbedOptions::kStatic && options.layer <= layers, "layer ", options.layer,
          ": the model has layers 0 to ", layers);
  require(!pooler_ || (options.level == Level::line && options.layer == layers),
          "the model's pooler makes a vector of a line, of the last layer");
  if (!options.mix.empty()) {
    require(!pooler_ && options.layer == layers, "a mix is of all layers");
    check_mix(options.mix, model.description().state_widths, options.model_name);
  }
  if (options.layer == EmbedOptions::kStatic)
    frame_.shown = false;
  else
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
  const auto out_rows = [&](std::size_t s) {
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
      pool_line(states, starts[s], out_rows(s));
    }
    return;
  }
  PackedSentences packed;
  for (const std::size_t s : places) packed.add(frame_.before, sources[s], frame_.behind);
  Trace trace;
  trace.states = true;
  Graph& graph = workspace.graph;
  graph.clear();
  model_.encode(graph, packed, &trace);
  Value wanted = trace.encoder_states[static_cast<std::size_t>(options_.layer)];
  if (!options_.mix.empty()) {
    wanted = mixed(graph, trace.encoder_states, options_.mix);
    graph.keep(wanted);
  }
  if (pooler_) {
    wanted = pooler_->pooled(graph, wanted, graph.column({packed.offsets.begin(), packed.offsets.end() - 1}));
    graph.keep(wanted);
  }
  workspace.run();
  const float* states = workspace.data(wanted);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto rows = out_rows(places[i]);
    if (pooler_) {
      std::copy_n(states + i * width, width, rows.begin());
      continue;
    }
    const bool skips = frame_.before >= 0 && !frame_.shown;
    const auto first = static_cast<std::size_t>(packed.offsets[i] + (skips ? 1 : 0));
    const auto tokens =
        frame_.shown ? static_cast<std::size_t>(packed.offsets[i + 1]) - first : sources[places[i]].size();
    pool_line({states + first * width, tokens * width}, starts[places[i]], rows);
  }
}

// The rows of one line's vectors. placed: null, or the line's words where the input says where they stand.
Embedder::LineRows Embedder::rows_of(std::span<const int32_t> ids, const PlacedWords* placed) const {
  LineRows rows;
  if (options_.level == Level::line) {
    if (!ids.empty() || frame_.shown) rows.starts.push_back(0);
    rows.texts.push_back(vocabulary_.decode(ids));
    return rows;
  }
  if (options_.level == Level::word && placed) {
    rows = {placed->starts, placed->texts};
  } else if (options_.level == Level::word) {
    rows.starts = word_starts(ids, vocabulary_);
    for (std::size_t r = 0; r < rows.starts.size(); ++r) {
      const auto begin = rows.starts[r], end = r + 1 < rows.starts.size() ? rows.starts[r + 1] : ids.size();
      auto text = vocabulary_.decode(ids.subspan(begin, end - begin));
      if (text.starts_with(' ')) text.erase(0, 1);
      rows.texts.push_back(std::move(text));
    }
  } else {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      rows.starts.push_back(i);
      rows.texts.push_back(vocabulary_.piece(ids[i]));
    }
  }
  if (!frame_.shown) return rows;
  for (std::size_t& start : rows.starts) ++start;
  rows.starts.insert(rows.starts.begin(), 0);
  rows.texts.insert(rows.texts.begin(), vocabulary_.piece(frame_.before));
  rows.starts.push_back(ids.size() + 1);
  rows.texts.push_back(vocabulary_.piece(frame_.behind));
  return rows;
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
    const int64_t tokens = frame_.tokens(ids.size());
    if (options_.layer != EmbedOptions::kStatic && tokens > model_.longest_source())
      fail(named(s), ": ", tokens, " tokens with ", frame_.name(vocabulary_), ", the model takes ",
           model_.longest_source(), "; cut it with tokenize --max-length");
    auto rows = rows_of(ids, placed.empty() ? nullptr : &placed[s]);
    starts[s] = std::move(rows.starts);
    std::ranges::move(rows.texts, std::back_inserter(out.texts));
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
      if (options_.normalize && (frame_.shown || !sources[s].empty()) && !(normalize(row) > 0))
        fail(named(s), ", '", out.texts[r], "': its vector is zero and cannot be normalised");
    }
  return out;
}

}  // namespace storm
