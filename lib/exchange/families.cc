#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "exchange/bert.h"
#include "exchange/family.h"
#include "exchange/gpt2.h"
#include "exchange/marian.h"

namespace storm {

namespace {

// A family is added by its line here.
const Family* const kFamilies[] = {&marian_family(), &gpt2_family(), &bert_family()};

std::string names(std::string Family::*name) {
  std::string all;
  for (const Family* family : kFamilies) all += (all.empty() ? "" : ", ") + family->*name;
  return all;
}

}  // namespace

const Family& family_of_type(const std::string& model_type, const std::string& where) {
  const auto found = std::ranges::find(kFamilies, model_type, &Family::model_type);
  require(found != std::end(kFamilies), where, ".model_type: '", model_type,
          "' is none of the families known here: ", names(&Family::model_type));
  return **found;
}

const Family& family_of_architecture(const std::string& architecture) {
  const auto found = std::ranges::find(kFamilies, architecture, &Family::architecture);
  if (found == std::end(kFamilies))
    throw UsageError(str("a model of the architecture ", architecture, " has no family to be exported as; ",
                         names(&Family::architecture), " have one"));
  return **found;
}

const Vocabulary& of_texts(const Vocabularies& vocabularies) {
  const auto of_text = vocabularies.find("vocab.text");
  return of_text == vocabularies.end() ? vocabularies.begin()->second : of_text->second;
}

nlohmann::json own_settings(const nlohmann::json& config) {
  const auto own = config.find(kOwnKey);
  return own != config.end() && own->is_object() ? *own : nlohmann::json::object();
}

void set_decode_flags(nlohmann::json& config, nlohmann::json flags) {
  if (!flags.empty()) config[kDefaultsKey]["decode"] = std::move(flags);
}

std::string json_text(const nlohmann::json& json) { return json.dump(2) + "\n"; }

}  // namespace storm
