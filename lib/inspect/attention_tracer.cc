#include "inspect/attention_tracer.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "models/language_model.h"

namespace storm {

namespace {

int64_t rows_of(AttentionKind kind, int64_t source, int64_t target) {
  return kind == AttentionKind::pooling ? 1 : kind == AttentionKind::encoder ? source : target;
}
int64_t cols_of(AttentionKind kind, int64_t source, int64_t target) {
  if (kind == AttentionKind::pooling) return source > 0 ? source : target;
  return kind == AttentionKind::decoder ? target : source;
}

STORM_CLONES bool holds_nan(const float* x, int64_t n) {
  int32_t found = 0;
#pragma omp simd reduction(| : found)
  for (int64_t i = 0; i < n; ++i) found |= x[i] != x[i];
  return found != 0;
}

int64_t memory_bytes() { return int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE); }

}  // namespace

AttentionTracer::AttentionTracer(const Model& model, const SpecialIds& special, Vocabulary source, Vocabulary target,
                                 AttentionChoice choice, int64_t max_tokens, Device* device)
    : pass_(pass_of(model)),
      special_(pass_.has_source ? special : SpecialIds{special.eos, special.eos}),
      source_frame_{.behind = special.eos},
      source_(std::move(source)),
      target_(std::move(target)),
      choice_(std::move(choice)),
      max_tokens_(max_tokens),
      workspace_(device) {
  if (!pass_.has_target) source_frame_ = TextFrame::of(as<TextEncoder>(model), source_, choice_.model_name);
  for (const auto& part : all_attention(model).parts)
    if (const auto* wanted = choice_.find(part.kind))
      heads_[static_cast<std::size_t>(part.kind)] = static_cast<int64_t>(wanted->layers.size() * part.heads.size());
}

AttentionTracer::Pass AttentionTracer::pass_of(const Model& model) {
  if (const TextHead* head = model.head()) {
    const bool forwards = dynamic_cast<const LanguageModel*>(&model) != nullptr;
    const int64_t longest = as<TextEncoder>(model).longest_source();
    return {[head, &model, forwards](Graph& graph, const Batch& batch, Trace& trace) {
              head->features(graph, model, batch.inputs[forwards ? 1 : 0], &trace);
            },
            forwards ? INT32_MAX : longest, forwards ? longest : INT32_MAX, !forwards, forwards};
  }
  if (const auto* texts = dynamic_cast<const LanguageModel*>(&model))
    return {[texts](Graph& graph, const Batch& batch, Trace& trace) { texts->states(graph, batch.inputs[1], &trace); },
            INT32_MAX, texts->longest_source(), false, true};
  if (const auto* pairs = dynamic_cast<const EncoderDecoder*>(&model))
    return {[pairs](Graph& graph, const Batch& batch, Trace& trace) {
              pairs->states(graph, batch.inputs[0], batch.inputs[1], &trace);
            },
            pairs->longest_source(), pairs->longest_target(), true, true};
  const auto& encoder = as<TextEncoder>(model);
  return {
      [&encoder](Graph& graph, const Batch& batch, Trace& trace) { encoder.encode(graph, batch.inputs[0], &trace); },
      encoder.longest_source(), INT32_MAX, true, false};
}

Batch AttentionTracer::batch_of(std::span<const SentencePair> pairs) const {
  if (pass_.has_target) return make_batch(pairs, special_);
  Batch batch{.inputs = std::vector<PackedSentences>(1), .labels = {}};
  for (const auto& pair : pairs) batch.inputs[0].add(source_frame_.before, pair.source, source_frame_.behind);
  return batch;
}

int64_t AttentionTracer::source_tokens(const SentencePair& pair) const {
  return pass_.has_source ? source_frame_.tokens(pair.source.size()) : 0;
}

int64_t AttentionTracer::target_tokens(const SentencePair& pair) const {
  return pass_.has_target ? tokens_with_eos(pair.target.size()) : 0;
}

std::string AttentionTracer::tokens_of(const SentencePair& pair) const {
  const int64_t source = source_tokens(pair), target = target_tokens(pair);
  if (pass_.has_source && pass_.has_target) return str(source, " and ", target);
  return str(source + target);
}

int64_t AttentionTracer::map_bytes(const SentencePair& pair) const {
  const int64_t source = source_tokens(pair), target = target_tokens(pair);
  double cells = 0;  // whole numbers to 2^53, and beyond it no overflow
  for (const auto kind : kAttentionKinds)
    cells += static_cast<double>(heads_[static_cast<std::size_t>(kind)]) *
             static_cast<double>(rows_of(kind, source, target)) * static_cast<double>(cols_of(kind, source, target));
  return static_cast<int64_t>(std::min(cells * sizeof(float), 0x1p62));
}

void AttentionTracer::operator()(std::span<const SentencePair> pairs, int64_t first, const Take& take) {
  for (std::size_t begin = 0; begin < pairs.size();) {
    std::size_t end = begin;
    int64_t source = 0, target = 0, bytes = 0;
    for (; end < pairs.size(); ++end) {
      const auto& pair = pairs[end];
      const int64_t from = source_tokens(pair), to = target_tokens(pair);
      require(from <= pass_.longest_source && to <= pass_.longest_target, "sentence ",
              first + static_cast<int64_t>(end), ": ", tokens_of(pair), " tokens with ", source_frame_.name(source_),
              " are longer than the model takes; cut them with tokenize --max-length");
      const int64_t more = map_bytes(pair);
      // One copy where the pass leaves them, one on its way to whoever reads, and the rest.
      require(more <= memory_bytes() / 3, "sentence ", first + static_cast<int64_t>(end), ": the maps of its ",
              tokens_of(pair), " tokens take ", more >> 20, " MiB, more than a third of this machine's memory; ",
              "choose fewer --layers or --kinds, or cut it with tokenize --max-length");
      if (end > begin && (std::max(source + from, target + to) > max_tokens_ || bytes + more > kBatchBytes)) break;
      source += from;
      target += to;
      bytes += more;
    }
    run(pairs.subspan(begin, end - begin), first + static_cast<int64_t>(begin), take);
    begin = end;
  }
}

void AttentionTracer::run(std::span<const SentencePair> pairs, int64_t first, const Take& take) {
  const Batch batch = batch_of(pairs);
  workspace_.graph.clear();
  Trace trace;
  trace.scores = choice_.scores;
  trace.wants = [&](AttentionKind kind, int64_t layer) {
    const auto* part = choice_.find(kind);
    return part && std::binary_search(part->layers.begin(), part->layers.end(), layer);
  };
  pass_.record(workspace_.graph, batch, trace);
  workspace_.run();

  // They are wanted by kind and layer; the pass goes through the decoder's kinds layer by layer.
  std::ranges::stable_sort(trace.attentions, {}, [](const Trace::Attention& a) { return a.kind; });
  struct Layer {
    AttentionKind kind;
    int64_t layer, heads;
    const std::vector<int64_t>& wanted;
    const float* next;  // the weights of the sentence that is next: [heads, rows, cols]
  };
  std::vector<Layer> layers;
  for (const auto& [kind, layer, weights] : trace.attentions) {
    const auto* part = choice_.find(kind);
    const float* data = workspace_.data(weights);
    const int64_t n = workspace_.graph.shape(weights).size();
    std::atomic<bool> nan = false;
    parallel_ranges(n, 1 << 16, [&](int64_t begin, int64_t end) {
      if (holds_nan(data + begin, end - begin)) nan = true;
    });
    require(!nan, "sentence ", first, " or soon after: the attention weights of ", choice_.model_name,
            " are not numbers: its training has diverged; take an earlier checkpoint");
    layers.push_back({kind, layer, heads_[static_cast<std::size_t>(kind)] / static_cast<int64_t>(part->layers.size()),
                      part->heads, data});
  }

  AttentionMaps maps;
  for (std::size_t s = 0; s < pairs.size(); ++s) {
    maps.sentence = first + static_cast<int64_t>(s);
    const auto side = [](int32_t before, std::span<const int32_t> ids, int32_t behind, std::vector<int32_t>& to) {
      to.clear();
      if (before >= 0) to.push_back(before);
      to.insert(to.end(), ids.begin(), ids.end());
      if (behind >= 0) to.push_back(behind);
    };
    if (pass_.has_source) side(source_frame_.before, pairs[s].source, source_frame_.behind, maps.source_ids);
    if (pass_.has_target) side(special_.bos, pairs[s].target, special_.eos, maps.target_ids);
    const auto name = [](const Vocabulary& vocabulary, const std::vector<int32_t>& ids, std::vector<std::string>& to) {
      to.resize(ids.size());
      for (std::size_t i = 0; i < ids.size(); ++i) to[i] = vocabulary.marked_piece(ids[i]);
    };
    name(source_, maps.source_ids, maps.source);
    name(target_, maps.target_ids, maps.target);
    maps.maps.clear();
    const int64_t source = source_tokens(pairs[s]), target = target_tokens(pairs[s]);
    for (Layer& l : layers) {
      const int64_t rows = rows_of(l.kind, source, target), cols = cols_of(l.kind, source, target);
      for (const int64_t head : l.wanted)
        maps.maps.push_back(
            {l.kind, l.layer, head, rows, cols, {l.next + head * rows * cols, static_cast<std::size_t>(rows * cols)}});
      l.next += l.heads * rows * cols;
    }
    take(maps);
  }
}

}  // namespace storm
