// Marian's translation models (opus-mt), from and to transformers' MarianMTModel.
#pragma once

#include "exchange/family.h"

namespace storm {

const Family& marian_family();

}  // namespace storm
