// Which of a model's attention maps are wanted. Users count layers and heads from 1, the library from 0.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"

namespace storm {

inline constexpr std::array kAttentionKinds{AttentionKind::encoder, AttentionKind::decoder, AttentionKind::cross,
                                            AttentionKind::pooling};
std::string_view attention_kind_name(AttentionKind kind);  // "encoder", "decoder", "cross", "pooling"

// Some layers and heads of one kind, from 0, rising.
struct AttentionPart {
  AttentionKind kind;
  std::vector<int64_t> layers, heads;
};

struct AttentionChoice {
  std::vector<AttentionPart> parts;  // in the order of kAttentionKinds
  AttentionScores scores = AttentionScores::probabilities;
  std::string model_name = "the model";  // in errors

  const AttentionPart* find(AttentionKind kind) const;  // nullptr when none of it is wanted
};

// All that the model has; no parts for a model without attention.
AttentionChoice all_attention(const Model& model);

// Narrows a choice to some kinds ("encoder,cross"), layers and heads ("1,3-4", from 1); an empty text leaves all. A
// kind with fewer layers than another gives those of the named ones that it has. Throws UsageError for a text that is
// no such list, and for a kind, layer or head that no part has (it says which there are); model: what it is called.
void narrow_kinds(AttentionChoice& choice, std::string_view kinds, std::string_view model);
void narrow_layers(AttentionChoice& choice, std::string_view layers, std::string_view model);
void narrow_heads(AttentionChoice& choice, std::string_view heads, std::string_view model);

}  // namespace storm
