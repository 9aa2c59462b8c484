// GPT-2 and what is built like it, from and to transformers' GPT2LMHeadModel.
#pragma once

#include "exchange/family.h"

namespace storm {

const Family& gpt2_family();

}  // namespace storm
