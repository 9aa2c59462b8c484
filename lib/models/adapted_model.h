// A model as what was trained of it, and the model that this was made for: what an adapter's file and the checkpoints
// of a training hold that freezes a part of its model (nn/adaptation.h). Such a document has the configuration with the
// adaptation, whose "base" is the fingerprint of that model, and each trained parameter under its name; of a table
// whose new rows alone are not the base's, these as NAME.new. Vocabularies are there where they are not the base's.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "models/model_file.h"
#include "nn/adaptation.h"

namespace storm {

constexpr const char* kAdapterKind = "adapter";

// 16 hexadecimal digits of all parameters' names, shapes and values.
std::string fingerprint_of(const Model& model);

// Of kind "adapter", unless the metadata says otherwise. The tensors are views of the model's parameters.
Document trained_document(const Model& model, const std::map<std::string, std::string>& vocabularies,
                          std::map<std::string, std::string> metadata);
// Copies them into a model of the same configuration.
void read_trained(const Document& document, Model& model);

// The model that such a document, called `name` in errors, makes of its base: that of the document's configuration,
// with the values of both. Throws Error for another base, and where the document does not fit its configuration.
std::unique_ptr<Model> adapted_model(const LoadedModel& base, const Document& document, const std::string& name);

}  // namespace storm
