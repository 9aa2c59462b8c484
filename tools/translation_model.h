// A model that turns sources into targets, as attn-dump has it.
#pragma once

#include <string>

#include "decode/special_ids.h"
#include "models/encoder_decoder.h"
#include "tools/model_rows.h"

namespace storm {

struct TranslationModel : TaskModel {
  explicit TranslationModel(const std::string& path)
      : TaskModel(path), model(as<EncoderDecoder>(*loaded.model)), special(special_ids(source(), target())) {}

  const Vocabulary& source() const { return vocabularies[0]; }
  const Vocabulary& target() const { return vocabularies[1]; }

  const EncoderDecoder& model;
  SpecialIds special;
};

}  // namespace storm
