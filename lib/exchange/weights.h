// The tensors of a folder from elsewhere: model.safetensors, or the shards that model.safetensors.index.json names.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stream/document.h"

namespace storm {

class Weights {
 public:
  // Maps the folder's files; only headers are read. Throws Error where there are none (of pytorch_model.bin, with the
  // line of Python that converts it), and for an index that names what is not there.
  explicit Weights(const std::string& folder);

  // Names are sought with one of these in front, the first that fits: "bert.", "".
  void set_prefixes(std::vector<std::string> prefixes) { prefixes_ = std::move(prefixes); }

  bool has(const std::string& name) const { return place_of(name) != nullptr; }
  // Counts as asked for. Throws Error that names it where there is none.
  const Tensor& tensor(const std::string& name);
  const std::string& where(const std::string& name) const;  // the file that it is in, for errors
  // Names of those that nobody asked for, without prefix where they have one, in the order of the files.
  std::vector<std::string> left() const;
  void forget() const;  // what was read no longer counts as this process's memory

 private:
  struct Place {
    const Document* document;
    const Tensor* tensor;
  };
  void add(Document document);
  const std::pair<const std::string, Place>* place_of(const std::string& name) const;

  std::string folder_;
  std::vector<std::string> prefixes_{""};
  std::vector<std::unique_ptr<const Document>> documents_;
  std::map<std::string, Place, std::less<>> places_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace storm
