#include "inspect/attention_stream.h"

#include "base/error.h"
#include "stream/tokens.h"

namespace storm {

namespace {

std::string numbers(const std::vector<int64_t>& from_zero) {
  std::string text;
  for (const int64_t n : from_zero) text += str(text.empty() ? "" : ",", n + 1);
  return text;
}

}  // namespace

AttentionWriter::AttentionWriter(Output& output, AttentionChoice choice, const std::string& command)
    : output_(output),
      choice_(std::move(choice)),
      metadata_{{kKindKey, kAttentionKind},
                {kVersionKey, kStreamVersion},
                {kCommandKey, command},
                {"attention.values", choice_.scores == AttentionScores::logits ? "logits" : "probabilities"}},
      weights_(choice_.parts.size()) {
  std::string& kinds = metadata_["attention.kinds"];
  for (const auto& part : choice_.parts) {
    const std::string name(attention_kind_name(part.kind));
    kinds += (kinds.empty() ? "" : ",") + name;
    metadata_["attention." + name + ".layers"] = numbers(part.layers);
    metadata_["attention." + name + ".heads"] = numbers(part.heads);
  }
}

AttentionWriter::~AttentionWriter() {
  if (!finished_ && !first_) leave_unfinished(output_);  // no bytes at all are no stream, either
}

void AttentionWriter::Side::add(const std::vector<int32_t>& more, const std::vector<std::string>& names) {
  ids.insert(ids.end(), more.begin(), more.end());
  offsets.push_back(static_cast<int64_t>(ids.size()));
  for (const auto& name : names) {
    pieces += name;
    piece_offsets.push_back(static_cast<int64_t>(pieces.size()));
  }
}

void AttentionWriter::add(const AttentionMaps& maps) {
  source_.add(maps.source_ids, maps.source);
  target_.add(maps.target_ids, maps.target);
  std::size_t bytes = 0, map = 0;
  for (std::size_t p = 0; p < weights_.size(); ++p) {
    auto& [values, offsets] = weights_[p];
    const auto& part = choice_.parts[p];
    const std::size_t count = part.layers.size() * part.heads.size();
    // Growth by doubling would take three times the memory of one long sentence.
    if (map < maps.maps.size() && count * maps.maps[map].weights.size_bytes() > kBytes)
      values.reserve(values.size() + count * maps.maps[map].weights.size());
    for (std::size_t i = 0; i < count; ++i, ++map) {
      require(map < maps.maps.size() && maps.maps[map].kind == part.kind, "attention maps that were not chosen");
      const auto weights = maps.maps[map].weights;
      values.insert(values.end(), weights.begin(), weights.end());
    }
    offsets.push_back(static_cast<int64_t>(values.size()));
    bytes += values.size() * sizeof(float);
  }
  const auto tokens = static_cast<int64_t>(source_.ids.size() + target_.ids.size());
  if (bytes >= kBytes || tokens >= kDocumentTokens) write();
}

void AttentionWriter::write() {
  Document document;
  if (first_) document.metadata = metadata_;
  const auto side = [&](const std::string& name, const Side& s) {
    document.add_view<int32_t>(name + ".ids", s.ids);
    document.add_view<int64_t>(name + ".offsets", s.offsets);
    document.add_view<char>(name + ".pieces.bytes", s.pieces);
    document.add_view<int64_t>(name + ".pieces.offsets", s.piece_offsets);
  };
  side("src", source_);
  side("tgt", target_);
  for (std::size_t p = 0; p < weights_.size(); ++p) {
    const std::string name(attention_kind_name(choice_.parts[p].kind));
    document.add_view<float>(name + ".weights", weights_[p].values);
    document.add_view<int64_t>(name + ".offsets", weights_[p].offsets);
  }
  write_document(output_, document);
  for (Side* s : {&source_, &target_}) {
    s->ids.clear();
    s->pieces.clear();
    s->offsets.resize(1);
    s->piece_offsets.resize(1);
  }
  for (auto& [values, offsets] : weights_) {
    // Memory that one long sentence took is not held for the others.
    if (values.capacity() * sizeof(float) > 4 * kBytes) std::vector<float>().swap(values);
    values.clear();
    offsets.resize(1);
  }
  first_ = false;
}

void AttentionWriter::flush() {
  if (source_.offsets.size() > 1) write();
  output_.flush();
}

void AttentionWriter::finish() {
  if (first_ || source_.offsets.size() > 1) write();
  finished_ = true;
}

}  // namespace storm
