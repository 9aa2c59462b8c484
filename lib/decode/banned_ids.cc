// Ids that never follow: Hugging Face's NoBadWordsLogitsProcessor of one id each, and SuppressTokensLogitsProcessor.
#include "decode/banned_ids.h"

#include "decode/logits_processor.h"
#include "ops/top_k.h"

namespace storm {

namespace {

class BannedIds : public LogitsProcessor {
 public:
  explicit BannedIds(std::vector<int32_t> ids) : ids_(std::move(ids)) {}

  void operator()(const RowSoFar&, std::span<float> logits) const override {
    for (const int32_t id : ids_) logits[static_cast<std::size_t>(id)] = kBanned;
  }

 private:
  std::vector<int32_t> ids_;
};

}  // namespace

Value without_banned(Graph& graph, Value logits, const DecodeOptions& options) {
  const auto& ids = options.banned_ids;
  if (ids.empty()) return logits;
  return index_fill(graph, logits, graph.constant({std::ssize(ids), 1}, ids.data()), kBanned);
}

const LogitsProcessorKind& banned_ids() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (o.banned_ids.empty()) return nullptr;
        return std::make_unique<BannedIds>(o.banned_ids);
      },
      .in_graph = true};
  return kind;
}

}  // namespace storm
