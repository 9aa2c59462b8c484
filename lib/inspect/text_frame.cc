#include "inspect/text_frame.h"

#include "base/error.h"

namespace storm {

TextFrame TextFrame::of(const TextEncoder& model, const Vocabulary& vocabulary, std::string_view model_name) {
  const int32_t bos = vocabulary.bos_id(), eos = vocabulary.eos_id();
  require(eos >= 0, model_name, ": the vocabulary has no end of sentence (EOS)");
  if (model.ends() == TextEnds::eos_behind) return {.behind = eos};
  if (model.ends() == TextEnds::eos_before) return {.before = eos};
  if (model.ends() == TextEnds::eos_around) return {.before = eos, .behind = eos};
  require(bos >= 0, model_name, ": the vocabulary has no beginning of sentence (BOS), which BERT calls [CLS]");
  return {.before = bos, .behind = eos, .shown = true};
}

std::string TextFrame::name(const Vocabulary& vocabulary) const {
  return shown ? str(vocabulary.piece(before), " and ", vocabulary.piece(behind)) : "EOS";
}

}  // namespace storm
