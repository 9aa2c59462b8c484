// Writes the kind "attention": attention maps with the pieces they are about. Names, shapes and keys:
// lib/stream/README.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/output.h"
#include "inspect/attention_choice.h"
#include "inspect/attention_maps.h"

namespace storm {

constexpr const char* kAttentionKind = "attention";

// A document is written when it holds kBytes of weights or stream/tokens.h's kDocumentTokens, by flush(), and by
// finish(), which writes one without sentences when there was none, so that every stream says what it is.
class AttentionWriter {
 public:
  // All maps that are added must be of this choice.
  AttentionWriter(Output& output, AttentionChoice choice, const std::string& command);
  // Without finish(), the stream ends inside a document, so that its reader fails as the writer did.
  ~AttentionWriter();
  AttentionWriter(const AttentionWriter&) = delete;
  AttentionWriter& operator=(const AttentionWriter&) = delete;

  void add(const AttentionMaps& maps);
  void flush();   // ends the document and hands it to the reader of our pipe
  void finish();  // call once, last; then commit the output

  static constexpr std::size_t kBytes = std::size_t{16} << 20;

 private:
  struct Side {  // of the sentences of one document
    std::vector<int32_t> ids;
    std::vector<int64_t> offsets{0}, piece_offsets{0};
    std::string pieces;
    void add(const std::vector<int32_t>& more, const std::vector<std::string>& names);
  };
  struct Weights {
    std::vector<float> values;
    std::vector<int64_t> offsets{0};
  };
  void write();

  Output& output_;
  AttentionChoice choice_;
  std::map<std::string, std::string> metadata_;
  Side source_, target_;
  std::vector<Weights> weights_;  // of each part of the choice
  bool first_ = true, finished_ = false;
};

}  // namespace storm
