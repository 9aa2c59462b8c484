#include "exchange/weights.h"

#include "base/error.h"
#include "exchange/folder.h"
#include "stream/stream.h"
#include "text/json_fields.h"

namespace storm {

namespace {

constexpr const char* kOneFile = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kPickle = "pytorch_model.bin";

bool is_there(const std::string& folder, const std::string& name) { return has_file(file_in(folder, name)); }

}  // namespace

Weights::Weights(const std::string& folder) : folder_(folder) {
  if (is_there(folder, kOneFile)) {
    add(read_document(file_in(folder, kOneFile)));
    return;
  }
  if (!is_there(folder, kIndex)) {
    require(
        !is_there(folder, kPickle) && !is_there(folder, std::string(kPickle) + ".index.json"), folder, ": ", kPickle,
        " is a pickle, which can run any program when it is read; convert it there with PyTorch: ",
        R"py(python3 -c "import torch, safetensors.torch as s; s.save_file({k: v.clone().contiguous() for k, v in )py",
        R"py(torch.load('pytorch_model.bin', weights_only=True).items()}, 'model.safetensors')")py");
    fail(folder, ": holds neither ", kOneFile, " nor ", kIndex);
  }
  const auto index = file_in(folder, kIndex);
  const auto json = parse_json(read_text_file(index), index);
  JsonFields root(json, index);
  const auto& map = root.any("weight_map");
  require(map.is_object(), index, ".weight_map: no object");
  std::map<std::string, std::vector<std::string>> shards;  // and their tensors
  for (const auto& [tensor, shard] : map.items()) {
    require(shard.is_string(), index, ".weight_map: of ", tensor, " no name of a file");
    const auto name = shard.get<std::string>();
    require(!name.empty() && name.find('/') == name.npos && name != "." && name != "..", index, ".weight_map: '", name,
            "' is no file of the folder");
    shards[name].push_back(tensor);
  }
  for (const auto& [shard, tensors] : shards) {
    require(is_there(folder, shard), index, ": ", shard, " is missing");
    add(read_document(file_in(folder, shard)));
    const Document& document = *documents_.back();
    for (const auto& tensor : tensors)
      require(document.find(tensor) != nullptr, index, ": ", tensor, " is not in ", shard);
    require(document.tensors().size() == tensors.size(), index, ": ", shard,
            " holds tensors that the index does not name");
  }
}

void Weights::add(Document document) {
  documents_.push_back(std::make_unique<const Document>(std::move(document)));
  const Document& kept = *documents_.back();
  for (const Tensor& tensor : kept.tensors())
    require(places_.emplace(tensor.name, Place{&kept, &tensor}).second, kept.where, ": ", tensor.name,
            " is in another shard, too");
}

const std::pair<const std::string, Weights::Place>* Weights::place_of(const std::string& name) const {
  for (const auto& prefix : prefixes_)
    if (const auto it = places_.find(prefix + name); it != places_.end()) return &*it;
  return nullptr;
}

const Tensor& Weights::tensor(const std::string& name) {
  const auto* place = place_of(name);
  require(place != nullptr, folder_, ": no tensor ", prefixes_.front(), name);
  asked_.insert(place->first);
  return *place->second.tensor;
}

const std::string& Weights::where(const std::string& name) const {
  const auto* place = place_of(name);
  return place ? place->second.document->where : folder_;
}

std::vector<std::string> Weights::left() const {
  std::vector<std::string> names;
  for (const auto& [name, place] : places_) {
    if (asked_.contains(name)) continue;
    std::size_t skipped = 0;
    for (const auto& prefix : prefixes_)
      if (name.starts_with(prefix)) skipped = std::max(skipped, prefix.size());
    names.push_back(name.substr(skipped));
  }
  return names;
}

void Weights::forget() const {
  for (const auto& document : documents_) document->forget();
}

}  // namespace storm
