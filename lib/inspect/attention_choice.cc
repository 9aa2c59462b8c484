#include "inspect/attention_choice.h"

#include <algorithm>
#include <set>
#include <span>

#include "base/error.h"
#include "base/number.h"
#include "base/split.h"

namespace storm {

namespace {

// Keeps what text lists of one of the lists of each part.
void narrow(AttentionChoice& choice, std::string_view text, std::vector<int64_t> AttentionPart::*list,
            std::string_view what, std::string_view model) {
  if (text.empty()) return;
  int64_t most = 0;
  for (const auto& part : choice.parts)
    if (!(part.*list).empty()) most = std::max(most, (part.*list).back() + 1);
  std::set<int64_t> wanted;
  for (const std::string_view field : split_at_commas(text)) {
    const auto dash = field.find('-', 1);  // a sign is no range
    const auto first = parse_number<int64_t>(field.substr(0, dash));
    const auto last = dash == field.npos ? first : parse_number<int64_t>(field.substr(dash + 1));
    if (!first || !last || *last < *first)
      throw UsageError(str("--", what, ": '", field, "' is no number and no range; write 1,3-4"));
    for (const int64_t n : {*first, *last})
      if (n < 1 || n > most)
        throw UsageError(str("--", what, ": ", n, " is outside 1 to ", most, ", the ", what, " of ", model));
    for (int64_t n = *first; n <= *last; ++n) wanted.insert(n - 1);
  }
  for (auto& part : choice.parts) std::erase_if(part.*list, [&](int64_t n) { return !wanted.contains(n); });
  std::erase_if(choice.parts, [&](const AttentionPart& part) { return (part.*list).empty(); });
}

}  // namespace

std::string_view attention_kind_name(AttentionKind kind) {
  constexpr std::string_view names[] = {"encoder", "decoder", "cross", "pooling"};
  return names[static_cast<std::size_t>(kind)];
}

const AttentionPart* AttentionChoice::find(AttentionKind kind) const {
  const auto it = std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.kind == kind; });
  return it == parts.end() ? nullptr : &*it;
}

AttentionChoice all_attention(const Model& model) {
  AttentionChoice choice;
  for (const auto& [kind, layers, heads] : model.description().attentions) {
    AttentionPart& part = choice.parts.emplace_back(AttentionPart{kind, {}, {}});
    for (int64_t l = 0; l < layers; ++l) part.layers.push_back(l);
    for (int64_t h = 0; h < heads; ++h) part.heads.push_back(h);
  }
  return choice;
}

void narrow_kinds(AttentionChoice& choice, std::string_view kinds, std::string_view model) {
  if (kinds.empty()) return;
  std::set<AttentionKind> wanted;
  for (const std::string_view field : split_at_commas(kinds)) {
    const auto kind = std::find_if(kAttentionKinds.begin(), kAttentionKinds.end(),
                                   [&](AttentionKind k) { return attention_kind_name(k) == field; });
    if (kind == kAttentionKinds.end())
      throw UsageError(str("--kinds: '", field, "' is none of encoder, decoder, cross, pooling"));
    if (!choice.find(*kind)) throw UsageError(str("--kinds: ", model, " has no ", field, " attention"));
    wanted.insert(*kind);
  }
  std::erase_if(choice.parts, [&](const AttentionPart& part) { return !wanted.contains(part.kind); });
}

void narrow_layers(AttentionChoice& choice, std::string_view layers, std::string_view model) {
  narrow(choice, layers, &AttentionPart::layers, "layers", model);
}

void narrow_heads(AttentionChoice& choice, std::string_view heads, std::string_view model) {
  narrow(choice, heads, &AttentionPart::heads, "heads", model);
}

}  // namespace storm
