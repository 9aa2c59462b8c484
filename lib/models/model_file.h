// Models as files: one document of kind "model": the parameters by name (F32; F16 and BF16 are read too), the
// configuration as JSON in the metadata key "config", and the vocabularies. lib/stream/README.md has it in full.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"
#include "stream/document.h"

namespace storm {

constexpr const char* kModelKind = "model";
constexpr const char* kCheckpointKind = "checkpoint";  // a model with the state of its training
constexpr const char* kConfigKey = "config";

struct LoadedModel {
  std::unique_ptr<Model> model;
  std::map<std::string, std::string> vocabularies;  // "vocab", or "vocab.NAME" of each column: their bytes
  std::map<std::string, std::string> metadata;
  std::string name;  // the file's, for messages

  // The vocabulary of one of the task's columns. Throws Error when the file carries none.
  const std::string& vocabulary(const std::string& column) const;
};

// How weights that products take are kept (models/packed_weights.h).
enum class WeightForm {
  floats,     // as floats alone: for training and whatever else changes them; a file of int8 is refused
  as_stored,  // those of int8 as they are
  int8,       // all of them as int8
};

// A file of kind model, or of kind checkpoint (its weights). Throws Error that names the file and what is wrong with
// it.
LoadedModel load_model(const std::string& path, WeightForm weights = WeightForm::floats);
LoadedModel load_model(const Document& document, const std::string& name, WeightForm weights = WeightForm::floats);

// What a document's metadata says under kConfigKey. Throws Error for what is no JSON, or nested without end.
nlohmann::json config_of(const Document& document, const std::string& name);

// The model of a document's configuration, whose parameters are zero. Throws the same errors.
std::unique_ptr<Model> made_model(const Document& document, const std::string& name);

std::vector<int64_t> file_shape(
    const ParameterSpec& spec);  // of a parameter's tensor: [rows, columns], or [columns] of a vector

// A parameter's tensor, of its shape and of floats that are read; throws Error otherwise.
const Tensor& parameter_tensor(const Document& document, const ParameterSpec& spec);

// A column whose vocabulary has more pieces than the model of a file was trained with.
struct GrownVocabulary {
  int64_t before = 0;                      // pieces of the file's model
  std::vector<std::vector<int32_t>> cuts;  // by new piece: the old ones that its text was cut into before
};

// Copies the parameters of a document into a model of the same configuration, but for the sizes of vocabularies: grown,
// by column (none: the sizes are the same). The row of a new piece is the mean of the rows of what it was cut into.
// anew: parameters that keep the values they have, since the document's model had none such; and so does what an
// adaptation added, where the document lacks it.
void read_parameters(const Document& document, Model& model, std::span<const GrownVocabulary> grown = {},
                     const std::set<std::string, std::less<>>& anew = {}, WeightForm weights = WeightForm::floats);

// The document of a model, whose low-rank updates are merged into the weights, and whose adaptation (nn/adaptation.h)
// is left out. The tensors are views of the model's parameters: write it before they change.
Document model_document(const Model& model, const std::map<std::string, std::string>& vocabularies,
                        std::map<std::string, std::string> metadata);

}  // namespace storm
