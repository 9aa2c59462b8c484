// Folders that are damaged, or ask for what STORM does not do, are refused in one line that names the place.
#include <sys/stat.h>

#include "exchange/export.h"
#include "models/model_file.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/exchange/folders.h"

using namespace storm;
using test::CopiedFolder;
using test::refused;

TEST_CASE("a file that is missing is named, with what it is needed for") {
  const std::pair<const char*, const char*> cases[]{{"bert", "config.json"},
                                                    {"bert", "model.safetensors"},
                                                    {"bert", "tokenizer.json"},
                                                    {"gpt2", "tokenizer.json"},
                                                    {"marian", "source.spm"},
                                                    {"marian", "target.spm"},
                                                    {"marian", "vocab.json"},
                                                    {"marian-apart", "target_vocab.json"},
                                                    {"sentences", "1_Pooling/config.json"},
                                                    {"gpt2-shards", "model-00002-of-00005.safetensors"}};
  for (const auto& [name, file] : cases) {
    INFO(name << ": " << file);
    const CopiedFolder folder(name);
    REQUIRE(std::filesystem::remove(folder.path + "/" + file));
    CHECK(refused([&] { folder.import(); }, {file}));
  }
  CHECK(refused([] { test::imported(test::fixture_folder("none"), test::ScratchFolder()); }, {"none", "no folder"}));
}

TEST_CASE("a pickle is refused with the line of Python that converts it") {
  const CopiedFolder folder("bert");
  std::filesystem::rename(folder.path + "/model.safetensors", folder.path + "/pytorch_model.bin");
  CHECK(refused([&] { folder.import(); }, {"pytorch_model.bin", "python3 -c", "weights_only=True"}));
}

TEST_CASE("what a configuration asks for and STORM does not do is refused by its key") {
  struct Case {
    const char *folder, *file, *from, *to, *what;
  };
  const Case cases[]{
      {"bert", "config.json", "\"bert\"", "\"roberta\"", "marian, gpt2, bert"},
      {"bert", "config.json", "BertModel", "BertForMultipleChoice", "BertForMultipleChoice"},
      {"bert", "config.json", "BertModel", "BertForSequenceClassification", "classifier.weight"},
      {"bert-classification", "config.json", "\"use_cache\": true", "\"problem_type\": \"multi_label_classification\"",
       "problem_type: a text of several labels at once"},
      {"bert-classification", "config.json", "\"use_cache\": true", "\"problem_type\": \"regression\"",
       "a regression of 3 numbers"},
      {"bert-classification", "config.json", "\"use_cache\": true", "\"problem_type\": \"ordinal\"", "'ordinal'"},
      {"bert-classification", "config.json", "\"0\": \"bad\"", "\"0\": \"very bad\"",
       "'very bad' is empty or has a space"},
      {"bert-classification", "config.json", "\"0\": \"bad\"", "\"0\": \"good\"", "good"},
      {"bert-classification", "config.json", "\"0\": \"bad\",", "", "id2label: no object of the head's 3 outputs"},
      {"bert-classification", "config.json", "\"0\": \"bad\"", "\"3\": \"bad\"", "id2label: '3'"},
      {"bert-tagging", "config.json", "BertForTokenClassification", "BertForQuestionAnswering", "qa_outputs.weight"},
      {"bert", "config.json", "\"is_decoder\": false", "\"is_decoder\": true", "is_decoder"},
      {"bert", "config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"mish\"", "hidden_act"},
      {"bert", "config.json", "\"use_cache\": true", "\"position_embedding_type\": \"relative_key\"",
       "position_embedding_type"},
      {"bert", "config.json", "\"use_cache\": true", "\"quantization_config\": {\"bits\": 4}", "quantization_config"},
      {"bert", "config.json", "\"use_cache\": true", "\"auto_map\": {\"AutoModel\": \"own.Model\"}", "auto_map"},
      {"bert", "config.json", "\"use_cache\": true", "\"pruned_heads\": {\"0\": [1]}", "pruned_heads"},
      {"bert", "config.json", "\"hidden_size\": 12", "\"hidden_size\": 13", "13"},
      {"bert", "config.json", "\"hidden_size\": 12", "\"hidden_size\": \"wide\"", "hidden_size"},
      {"bert", "config.json", "\"hidden_size\": 12", "\"hidden_size\": -1", "hidden_size"},
      {"bert", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "encoder.layer.2."},
      {"bert", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", "encoder.layer.1."},
      {"bert", "config.json", "\"vocab_size\": ", "\"vocab_size\": 1", "must be as many"},
      {"sentences", "modules.json", "models.Pooling", "models.WordWeights", "WordWeights"},
      {"sentences", "modules.json", "1_Pooling", "../other", "../other"},
      {"sentences", "1_Pooling/config.json", "\"pooling_mode_cls_token\": false", "\"pooling_mode_cls_token\": true",
       "several poolings"},
      {"sentences", "sentence_bert_config.json", "\"do_lower_case\": false", "\"do_lower_case\": true",
       "do_lower_case"},
      {"gpt2", "config.json", "\"scale_attn_weights\": true", "\"scale_attn_weights\": false", "scale_attn_weights"},
      {"gpt2", "config.json", "\"scale_attn_by_inverse_layer_idx\": false", "\"scale_attn_by_inverse_layer_idx\": true",
       "scale_attn_by_inverse_layer_idx"},
      {"gpt2", "generation_config.json", "\"eos_token_id\": 0", "\"eos_token_id\": 7", "eos_token_id"},
      {"gpt2", "generation_config.json", "\"eos_token_id\": 0", "\"do_sample\": true", "do_sample"},
      {"marian", "config.json", "\"decoder_attention_heads\": 3", "\"decoder_attention_heads\": 4", "attention_heads"},
      {"marian", "config.json", "\"decoder_ffn_dim\": 20", "\"decoder_ffn_dim\": 24", "ffn_dim"},
      {"marian", "config.json", "\"decoder_start_token_id\": ", "\"decoder_start_token_id\": 9",
       "decoder_start_token_id"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"num_beam_groups\": 3", "num_beam_groups"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"num_beams\": 3, \"repetition_penalty\": 1.5",
       "repetition_penalty"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"forced_bos_token_id\": 3", "forced_bos_token_id"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"early_stopping\": \"never\"", "early_stopping"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"suppress_tokens\": [1]", "suppress_tokens"},
      {"marian", "tokenizer_config.json", "\"unk_token\": \"<unk>\"", "\"unk_token\": \"<other>\"", "unk_token"},
      {"marian", "tokenizer_config.json", "MarianTokenizer", "T5Tokenizer", "T5Tokenizer"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"num_return_sequences\": 2", "num_return_sequences"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"num_beams\": 3000000", "num_beams"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"length_penalty\": -1", "length_penalty"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"min_length\": 30", "min_length"},
      {"marian", "generation_config.json", "\"num_beams\": 3", "\"a_key_to_come\": 3", "a_key_to_come"},
      {"marian", "generation_config.json", "\"max_length\": 12", "\"max_length\": 2", "max_length"},
      {"marian", "generation_config.json", "\"decoder_start_token_id\": ", "\"decoder_start_token_id\": 9",
       "decoder_start_token_id"},
      {"marian", "config.json", "\"use_cache\": true", "\"num_attention_heads\": 2", "num_attention_heads"},
      {"gpt2", "config.json", "\"use_cache\": true", "\"num_attention_heads\": 2", "num_attention_heads"},
      {"gpt2", "generation_config.json", "\"eos_token_id\": 0,", "", "eos_token_id"},
      {"gpt2", "generation_config.json", "\"eos_token_id\": 0", "\"max_length\": 20, \"eos_token_id\": 0",
       "max_new_tokens"},
      {"gpt2", "tokenizer_config.json", "{", "{\"add_prefix_space\": true,", "add_prefix_space"},
      {"gpt2", "tokenizer_config.json", "{", "{\"additional_special_tokens\": [\"<new>\"],", "<new>"},
      {"bert", "config.json", "\"use_cache\": true", "\"is_causal\": true", "is_causal"},
      {"bert", "tokenizer_config.json", "{", "{\"do_lower_case\": false,", "do_lower_case"},
      {"bert", "tokenizer_config.json", "{", "{\"strip_accents\": false,", "strip_accents"},
      {"bert", "tokenizer_config.json", "{", "{\"split_special_tokens\": true,", "split_special_tokens"},
      {"bert", "tokenizer_config.json", "\"cls_token\": \"[CLS]\"", "\"cls_token\": \"[MASK]\"", "cls_token"},
      {"sentences", "modules.json", "sentence_transformers.models.Pooling", "own.Pooling", "own.Pooling"},
      {"sentences", "modules.json", "sentence_transformers.models.Pooling", "", "type"},
      {"sentences", "sentence_bert_config.json", "\"max_seq_length\": 8", "\"max_seq_length\": \"8\"",
       "max_seq_length"},
  };
  for (const auto& c : cases) {
    INFO(c.folder << ": " << c.to);
    const CopiedFolder folder(c.folder);
    folder.replace(c.file, c.from, c.to);
    CHECK(refused([&] { folder.import(); }, {c.what}));
  }
}

TEST_CASE("files that are no JSON, weights that are cut off and shards that lie elsewhere are refused") {
  for (const char* json :
       {"", "{", "[]", "nul", "{\"model_type\": 3}", "{\"model_type\": \"bert\", \"model_type\": \"bert\"}"}) {
    INFO(json);
    const CopiedFolder folder("bert");
    folder.write("config.json", json);
    CHECK(refused([&] { folder.import(); }, {"config.json"}));
  }
  {
    const CopiedFolder folder("bert");
    folder.write("config.json", std::string(100000, '['));
    CHECK(refused([&] { folder.import(); }, {"config.json"}));
  }
  for (const char* file : {"model-00001-of-00005.safetensors", "model-00005-of-00005.safetensors"}) {
    const CopiedFolder folder("gpt2-shards");
    const auto bytes = folder.text(file);
    for (const std::size_t left : {bytes.size() - 1, bytes.size() / 2, std::size_t{9}, std::size_t{0}}) {
      folder.write(file, bytes.substr(0, left));
      CHECK(refused([&] { folder.import(); }, {file}));
    }
  }
  const char* index = "model.safetensors.index.json";
  const std::pair<const char*, const char*> shards[]{
      {"\"model-00001-of-00005.safetensors\"", "\"../model-00001-of-00005.safetensors\""},
      {"\"model-00001-of-00005.safetensors\"", "\"model-00002-of-00005.safetensors\""},
      {"\"model-00001-of-00005.safetensors\"", "7"},
      {"\"lm_head.weight\"", "\"lm_head.other\""}};
  for (const auto& [from, to] : shards) {
    INFO(to);
    const CopiedFolder folder("gpt2-shards");
    folder.replace(index, from, to);
    CHECK(refused([&] { folder.import(); }, {index}));
  }
}

TEST_CASE("a tokenizer that does not fit the table of embeddings is refused with both sizes") {
  const CopiedFolder folder("bert");
  std::filesystem::copy_file(test::fixture_folder("gpt2/tokenizer.json"), folder.path + "/tokenizer.json",
                             std::filesystem::copy_options::overwrite_existing);
  folder.write("tokenizer_config.json", "{}");
  CHECK(refused([&] { folder.import(); }, {"280", "must be as many"}));
}

namespace {

// The folder with one tensor of its weights changed or added, as numbers that only begin like the old ones.
void put(const CopiedFolder& folder, const std::string& name, const std::string& like) {
  const auto before = read_document(folder.path + "/model.safetensors");
  Document more;
  for (const auto& t : before.tensors())
    if (t.name != name) more.add(t.name, t.dtype, t.shape, t.bytes);
  std::vector<std::byte> bytes(before.tensor(like).bytes.begin(), before.tensor(like).bytes.end());
  bytes.back() ^= std::byte{0x40};
  more.add(name, DType::F32, before.tensor(like).shape, bytes);
  Output output(folder.path + "/model.safetensors");
  write_document(output, more);
  output.commit();
}

}  // namespace

TEST_CASE("tables that are tied and differ are refused, as transformers would not tie them") {
  const std::tuple<const char*, const char*, const char*> cases[]{
      {"gpt2", "lm_head.weight", "transformer.wte.weight"},
      {"marian", "lm_head.weight", "model.shared.weight"},
      {"marian", "model.encoder.embed_tokens.weight", "model.shared.weight"},
      {"bert-masked-lm", "cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
      {"bert-masked-lm", "cls.predictions.decoder.bias", "cls.predictions.bias"}};
  for (const auto& [name, tied, like] : cases) {
    INFO(name << ": " << tied);
    const CopiedFolder folder(name);
    put(folder, tied, like);
    CHECK(refused([&] { folder.import(); }, {tied, "tie_word_embeddings"}));
  }
}

TEST_CASE("positions that are not Marian's sinusoids are refused") {
  const CopiedFolder folder("marian");
  put(folder, "model.encoder.embed_positions.weight", "model.shared.weight");
  CHECK(refused([&] { folder.import(); }, {"embed_positions", "not Marian's sinusoids"}));
}

TEST_CASE("pipes and links that lead nowhere are refused where a file should be") {
  for (const char* file : {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}) {
    INFO(file);
    const CopiedFolder folder("bert");
    std::filesystem::remove(folder.path + "/" + file);
    REQUIRE(::mkfifo((folder.path + "/" + file).c_str(), 0600) == 0);
    CHECK(refused([&] { folder.import(); }, {file, "no regular file"}));
    std::filesystem::remove(folder.path + "/" + file);
    std::filesystem::create_symlink("nowhere", folder.path + "/" + file);
    CHECK(refused([&] { folder.import(); }, {file, "no regular file"}));
  }
}

TEST_CASE("a model whose decoder starts from no id is not exported") {
  const CopiedFolder folder("marian");
  const auto before = read_document(folder.import());
  for (const char* start : {"46", "-1", "2147483648", "1.5", "null", "[]"}) {
    INFO(start);
    Document document;
    document.metadata = before.metadata;
    auto& config = document.metadata[kConfigKey];
    config.replace(config.find("\"decoder_start\":45"), 18, std::string("\"decoder_start\":") + start);
    for (const auto& t : before.tensors()) document.add_view(t.name, t.dtype, t.shape, t.bytes);
    Output output(folder.scratch / "edited.st");
    write_document(output, document);
    output.commit();
    CHECK(refused([&] { export_folder(folder.scratch / "edited.st", folder.scratch / "out"); }, {"decoder_start"}));
  }
}

TEST_CASE("a tensor that no row of the family is for is refused by its name") {
  const CopiedFolder folder("bert");
  const auto before = read_document(folder.path + "/model.safetensors");
  Document more;
  for (const auto& t : before.tensors()) more.add(t.name, t.dtype, t.shape, t.bytes);
  const float value = 1;
  more.add("adapter.weight", std::span(&value, 1));
  Output output(folder.path + "/model.safetensors");
  write_document(output, more);
  output.commit();
  CHECK(refused([&] { folder.import(); }, {"adapter.weight"}));
}

TEST_CASE("a folder that is there is not written over, and nothing stays of one that was refused") {
  const CopiedFolder folder("bert");
  const auto model = folder.import();
  CHECK(refused([&] { export_folder(model, folder.path); }, {"is there already"}));
  const auto made = folder.scratch / "made";
  std::filesystem::create_directory(made);  // an empty one may be there
  export_folder(model, made + "/");
  CHECK(std::filesystem::exists(made + "/config.json"));
  for (const auto& entry : std::filesystem::directory_iterator(folder.scratch.path))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
}
