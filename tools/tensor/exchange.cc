#include "tools/tensor/exchange.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/output.h"
#include "data/spool.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "exchange/peft.h"
#include "models/adapted_model.h"
#include "ngram/arpa_reader.h"
#include "ngram/arpa_text.h"
#include "ngram/arpa_writer.h"
#include "stream/stream.h"
#include "vectors/vector_files.h"

namespace storm {
namespace {

// Files that become a stream, known by their content, in the order in which they are asked.
struct FileKind {
  const char* name;
  bool (*recognised)(const MappedFile& file);
  void (*import)(const MappedFile& file, const std::string& command, Output& output);
};

constexpr FileKind kFileKinds[] = {
    {"an ARPA file of an n-gram model (a line \\data\\)", holds_arpa,
     [](const MappedFile& file, const std::string& command, Output& output) { import_arpa(file, command, output); }},
    {"a file of vectors (fastText's .bin, word2vec's with its header, lines of a word and its numbers)", holds_vectors,
     import_vectors},
};

// Documents that become something else than the folder of a model.
struct DocumentKind {
  std::string_view kind;
  void (*write)(const std::string& document, const std::string& place);
};

constexpr DocumentKind kDocumentKinds[] = {
    {kAdapterKind, export_peft},
    {kNgramKind,
     [](const std::string& document, const std::string& place) {
       Output output(place);
       write_arpa(NgramModel(document), output);
       output.commit();
     }},
};

// What is read would be gone before it is read to its end, or its vocabulary with it.
void refuse_same(const std::string& from, const std::string& to, std::string_view what) {
  std::error_code ignored;
  if (std::filesystem::equivalent(from, to, ignored))
    throw UsageError(str(what, ": ", to, " is what is read; give it another name"));
}

void import_file(const Args& args, const std::string& path) {
  refuse_same(path, args.text("save"), "-o");
  for (const char* flag : {"base", "task"})
    if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning with a file; it goes with a folder"));
  Output output(args.text("save"));
  refuse_terminal(output);
  const auto file = map_or_spool(path, Spooled::anything);
  require(!file.bytes().empty(), file.name(), ": empty, nothing to import");
  const auto kind = std::ranges::find_if(kFileKinds, [&](const auto& k) { return k.recognised(file); });
  if (kind == std::end(kFileKinds)) {
    std::string names;
    for (const auto& k : kFileKinds) names += str(names.empty() ? "" : ", nor ", k.name);
    fail(file.name(), ": neither ", names);
  }
  kind->import(file, args.command(), output);
  output.commit();
}

void import_directory(const Args& args, const std::string& path) {
  const bool peft = is_peft_folder(path);
  if (peft != args.given("base"))
    throw UsageError(peft ? "import of an adapter needs --base MODEL: what it was made for"
                          : "--base goes with a folder that holds adapter_config.json");
  if (peft && args.given("task")) throw UsageError("--task has no meaning with an adapter, which has no head");
  Output output(args.text("save"));
  refuse_terminal(output);
  if (peft)
    import_peft(path, args.text("base"), args.command(), output);
  else
    import_folder(path, args.command(), output, args.text("task"));
  output.commit();
}

}  // namespace

void import_from_elsewhere(const Args& args) {
  const auto& operands = args.operands();
  if (operands.size() != 2)
    throw UsageError("import takes one folder, or a file of vectors or of n-grams: tensor import FOLDER -o MODEL");
  const auto& path = operands[1];
  std::error_code ignored;
  if (path == "-" || (std::filesystem::exists(path, ignored) && !std::filesystem::is_directory(path, ignored)))
    import_file(args, path);
  else
    import_directory(args, path);
}

void export_to_elsewhere(const Args& args) {
  const auto& operands = args.operands();
  if (operands.size() != 3)
    throw UsageError("export takes a model and a folder, or of n-grams a file: tensor export MODEL FOLDER");
  if (args.given("save")) throw UsageError("--save has no meaning with export, which names its place");
  if (operands[1] == "-") throw UsageError("export reads its document from a file, not from standard input");
  refuse_same(operands[1], operands[2], "export");
  const auto kind = read_document(operands[1]).kind();
  const auto known = std::ranges::find(kDocumentKinds, kind, &DocumentKind::kind);
  (known == std::end(kDocumentKinds) ? export_folder : known->write)(operands[1], operands[2]);
}

}  // namespace storm
