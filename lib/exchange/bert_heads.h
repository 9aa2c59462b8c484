// BERT under a task's head, from and to transformers' BertForSequenceClassification, BertForTokenClassification and
// BertForQuestionAnswering: a linear layer over the pooled vector, or over each token's state (models/text_head.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "exchange/family.h"

namespace storm {

bool is_bert_head(const Folder& folder);             // by its `architectures`
bool has_bert_head(const nlohmann::json& config);    // by the task of one of ours
std::string bert_head_class(const nlohmann::json&);  // theirs of one that has

// Sets the entries of the head in a configuration, its task, and tokenize's flags for the task's columns. What is not
// in config.json, that texts come in pairs, or the settings of answers, is taken from kOwnKey there. Throws Error for a
// head that no task is for.
void set_bert_head(nlohmann::json& config, Folder& folder);

// The vocabularies of a model with a head: of its texts, and a list of its labels where it has such.
Vocabularies with_labels(Vocabulary texts, const Folder& folder, const nlohmann::json& config);

void add_head_rows(std::vector<TensorRow>& rows, const nlohmann::json& config);

// Adds to their config.json what it says of the head. Throws UsageError for one that their class has not.
void add_head_files(nlohmann::json& theirs, const nlohmann::json& config, const Vocabularies& vocabularies);

}  // namespace storm
