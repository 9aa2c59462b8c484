// Looks into tensor streams, and merges, averages and converts them.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/output.h"
#include "base/printable.h"
#include "models/adapted_model.h"
#include "models/packed_weights.h"
#include "stream/stream.h"
#include "stream/tokens.h"
#include "stream/transform.h"
#include "tools/cli.h"
#include "tools/tensor/exchange.h"

namespace storm {
namespace {

// Calls visit(document, offset) for each document of a file, mapped where it can be.
template <class Visit>
void each_document(const std::string& path, Visit&& visit) {
  const auto all = [&](auto&& stream) {
    int64_t documents = 0;
    for (uint64_t at = 0; auto document = stream.next(); at = stream.offset(), ++documents) visit(*document, at);
    require(documents > 0, stream.name(), ": byte 0: empty, not a tensor stream");
  };
  std::error_code ignored;
  if (path != "-" && std::filesystem::is_regular_file(path, ignored))
    all(MappedStream(path));
  else
    all(StreamReader(path));
}

std::vector<Document> all_documents(const std::vector<std::string>& paths) {
  std::vector<Document> documents;
  for (const auto& path : paths) each_document(path, [&](Document& d, uint64_t) { documents.push_back(std::move(d)); });
  return documents;
}

std::string padded(std::string_view raw, std::size_t width) {
  auto text = printable(raw);
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string table(const Document& document, uint64_t size) {
  std::string text =
      str(printable(document.where), ": ", document.kind().empty() ? "no kind" : printable(document.kind()), ", ",
          document.tensors().size(), " tensors, ", size, " bytes\n");
  std::size_t keys = 0, names = 0, dtypes = 4, shapes = 0;
  for (const auto& [key, value] : document.metadata) keys = std::max(keys, key.size());
  for (const auto& t : document.tensors()) {
    names = std::max(names, t.name.size());
    dtypes = std::max(dtypes, dtype_name(t.dtype).size());
    shapes = std::max(shapes, shape_text(t.shape).size());
  }
  for (const auto& [key, value] : document.metadata) text += "  " + padded(key, keys) + "  " + printable(value) + "\n";
  for (const auto& t : document.tensors())
    text += "  " + padded(t.name, names) + "  " + padded(dtype_name(t.dtype), dtypes) + "  " +
            padded(shape_text(t.shape), shapes) + "  " + str(t.bytes.size()) + "\n";
  return text;
}

std::string json(const Document& document, uint64_t offset, uint64_t size) {
  auto tensors = nlohmann::ordered_json::array();
  for (const auto& t : document.tensors())
    tensors.push_back(
        {{"name", t.name}, {"dtype", dtype_name(t.dtype)}, {"shape", t.shape}, {"bytes", t.bytes.size()}});
  nlohmann::ordered_json line{{"byte", offset}, {"size", size}, {"metadata", document.metadata}, {"tensors", tensors}};
  // JSON lets DEL and U+0080 to U+009F through, which command some terminals.
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const std::string raw = line.dump(); const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    const bool latin = byte < 0xa0 && byte >= 0x80 && text.ends_with('\xc2');
    if (latin) text.pop_back();
    text += latin || byte == 0x7f ? str("\\u00", kHex[byte >> 4], kHex[byte & 15]) : std::string(1, c);
  }
  return text + "\n";
}

void list(const Args& args, const std::vector<std::string>& paths) {
  Output output(args.text("save"));
  for (const auto& path : paths)
    each_document(path, [&](const Document& d, uint64_t offset) {
      uint64_t size = 0;
      for (const auto& t : d.tensors()) size += t.bytes.size();
      output.write(args.on("json") ? json(d, offset, size) : table(d, size));
      output.flush();  // whoever looks into a running pipe sees each document as it comes
    });
  output.commit();
}

// The shortest text that reads back as the same number.
std::string element(const Tensor& t, int64_t i) {
  char text[64];
  const auto write = [&](auto value) { return std::string(text, std::to_chars(text, text + sizeof text, value).ptr); };
  const auto integer = [&]<class T>(T value) {
    std::memcpy(&value, t.bytes.data() + static_cast<std::size_t>(i) * sizeof value, sizeof value);
    return write(static_cast<int64_t>(value));
  };
  if (t.dtype == DType::U8) return integer(uint8_t{});
  if (t.dtype == DType::I8) return integer(int8_t{});
  if (t.dtype == DType::I32) return integer(int32_t{});
  if (t.dtype == DType::I64) return integer(int64_t{});
  double value = 0;
  read_floats(t, i, {&value, 1});
  return t.dtype == DType::F64 ? write(value) : write(static_cast<float>(value));
}

// One row of the last axis a line; a tensor of one axis has one element a line.
void print_values(const Tensor& t, Output& output) {
  const int64_t width = t.shape.size() > 1 ? t.shape.back() : 1;
  for (int64_t i = 0, n = t.elements(); i < n; ++i)
    output.write(element(t, i) + ((i + 1) % std::max<int64_t>(width, 1) == 0 ? "\n" : " "));
}

void print_tensor(const Args& args, const std::vector<std::string>& paths) {
  Output output(args.text("save"));
  const auto& name = args.text("tensor");
  bool found = false;
  for (const auto& path : paths)
    each_document(path, [&](const Document& d, uint64_t) {
      const Tensor* t = d.find(name);
      found = found || t;
      if (!t) return;
      if (args.on("raw")) return output.write(t->bytes);
      require(is_readable(t->dtype), d.where, ": tensor '", name, "' is ", dtype_name(t->dtype),
              ", and only values of ", readable_dtypes(), " can be read; --raw gives its bytes");
      print_values(*t, output);
    });
  require(found, paths[0] == "-" ? "standard input" : paths[0], ": no document holds a tensor '", name, "'");
  output.commit();
}

// A model with what was trained of it alone.
void merge(const Args& args, const std::vector<std::string>& paths) {
  if (paths.size() != 2) throw UsageError("merge takes a model and an adapter: tensor merge BASE ADAPTER -o MODEL");
  Output output(args.text("save"));
  refuse_terminal(output);
  const auto base = load_model(paths[0]);
  const auto document = read_document(paths[1], kAdapterKind);
  const auto model = adapted_model(base, document, paths[1]);
  const auto own = vocabularies_of(document);
  write_document(output,
                 model_document(*model, own.empty() ? base.vocabularies : own, {{kCommandKey, args.command()}}));
  output.commit();
}

void run(const Args& args) {
  if (args.operands().empty())
    throw UsageError("give ls, cat, average, merge, convert, import or export; see tensor --help");
  const auto command = args.operands()[0];
  std::vector<std::string> paths(args.operands().begin() + 1, args.operands().end());
  if (paths.empty()) paths.push_back("-");
  const auto only_with = [&](const char* flag, std::string_view which) {
    if (args.given(flag) && command != which)
      throw UsageError(str("--", flag, " goes with ", which, ", not ", command));
  };
  only_with("json", "ls");
  only_with("tensor", "cat");
  only_with("raw", "cat");
  only_with("dtype", "convert");
  only_with("keep", "convert");
  only_with("base", "import");
  only_with("task", "import");
  if (command == "ls") return list(args, paths);
  if (command == "cat" && args.given("tensor")) return print_tensor(args, paths);
  if (args.given("raw")) throw UsageError("--raw needs --tensor NAME");
  if (command == "import") return import_from_elsewhere(args);
  if (command == "export") return export_to_elsewhere(args);
  if (command == "merge") return merge(args, paths);

  if (command == "cat") {
    Output output(args.text("save"));
    refuse_terminal(output);
    const auto documents = all_documents(paths);
    write_merged(documents, output);
    output.commit();
  } else if (command == "average") {
    Output output(args.text("save"));
    refuse_terminal(output);
    std::vector<Document> documents;
    for (const auto& path : paths) {
      const auto& document = documents.emplace_back(read_document(path));
      if (document.metadata.contains(kConfigKey))
        require(Adaptation::from(config_of(document, path)).base.empty(), path,
                ": holds what was trained alone; merge it with its model first");
    }
    write_average(documents, args.command(), output);
    output.commit();
  } else if (command == "convert") {
    if (!args.given("dtype")) throw UsageError("convert needs --dtype f32, f64, f16, bf16 or int8");
    const std::vector<std::string> names{"f32", "f64", "f16", "bf16", "int8"};
    constexpr DType dtypes[] = {DType::F32, DType::F64, DType::F16, DType::BF16};
    const auto which = std::find(names.begin(), names.end(), args.choice("dtype", names)) - names.begin();
    const bool int8 = which == std::ssize(dtypes);
    if (args.given("keep") && !int8) throw UsageError("--keep has no meaning without --dtype int8");
    Output output(args.text("save"));
    refuse_terminal(output);
    for (const auto& path : paths)
      each_document(path, [&](const Document& d, uint64_t) {
        if (!int8) return write_converted(d, dtypes[which], output);
        write_document(output, int8_document(d, *made_model(d, path), args.text("keep")));
      });
    output.commit();
  } else {
    throw UsageError(str("'", command, "' is none of ls, cat, average, merge, convert, import, export"));
  }
}

const Tool tool{
    "tensor",
    "look into tensor streams; merge, average and convert them; models and vectors from elsewhere, models to elsewhere",
    R"(  tensor ls train.st                                # documents, metadata, tensors
  tensor cat --tensor src.offsets train.st          # a tensor's values
  tensor cat --tensor vocab --raw model.st > spm.model
  tensor cat train.st -o one.safetensors            # a stream as one document
  tensor average step1000.st step2000.st -o model.st
  tensor merge base.st adapter.st -o model.st       # what train --save-adapter has written, in its model
  tensor convert --dtype bf16 model.st -o half.st
  tensor convert --dtype int8 model.st -o small.st  # a quarter of the bytes, for decode, embed and attn-dump
  tensor import opus-mt-en-de/ -o en-de.st          # a folder as the Hugging Face hub has it
  tensor export model.st folder/                    # what transformers' from_pretrained reads
  tensor import glove.txt -o glove.st               # vectors of words: word2vec's, GloVe's and fastText's files
  tensor import lm.arpa -o lm.st                    # an n-gram model as KenLM and SRILM write it
  tensor export lm.st lm.arpa                       # the reverse, of a model that train --preset 5-gram made, too
  tensor import lora/ --base base.st -o adapter.st  # an adapter of PEFT's; tensor export adapter.st lora/ makes one
)",
    0,
    {{"json", "", "", "with ls: one JSON object a document"},
     {"t,tensor", "NAME", "", "with cat: print this tensor, one row of its last axis a line"},
     {"raw", "", "", "with cat --tensor: its bytes, whatever its dtype"},
     {"dtype", "TYPE", "",
      "with convert: f32, f64, f16 or bf16, for the float tensors; or int8, for the weights of a model"},
     {"keep", "PATTERNS", "", "with convert --dtype int8: weights that stay floats, such as 'embedding.*,output.*'"},
     {"base", "MODEL", "", "with import: the model that a folder of PEFT's adapts"},
     {"task", "NAME", "",
      "with import: what a head is for that reads texts in pairs: pair-classification, pair-regression"},
     {"o,save", "FILE", "-", "where the output goes; it appears when complete"}},
    "ls|cat|average|convert FILE... (none, or -: standard input), merge BASE ADAPTER, import FOLDER or FILE, export "
    "MODEL FOLDER or FILE",
};

}  // namespace
}  // namespace storm

int main(int argc, char** argv) { return storm::run_tool(storm::tool, argc, argv, storm::run); }
