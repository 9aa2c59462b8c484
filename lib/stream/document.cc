#include "stream/document.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace storm {

struct Document::Copies {
  std::mutex mutex;
  std::map<std::string, std::vector<int64_t>, std::less<>> by_name;  // int64_t: aligned for every dtype
};

int64_t Tensor::elements() const {
  int64_t n = 1;
  for (const auto extent : shape) n *= extent;
  return n;
}

bool shape_bytes(std::span<const int64_t> shape, DType dtype, uint64_t& bytes) {
  // The product of the extents other than 0 must fit, too: [2^62, 2^62, 0] is no shape that anybody can walk.
  int64_t all = 1;
  bool empty = false;
  for (const auto extent : shape) {
    if (extent < 0 || (extent > 0 && __builtin_mul_overflow(all, extent, &all))) return false;
    empty = empty || extent == 0;
  }
  // Eight elements are as many bytes as one is bits; the bits of all would overflow where their bytes do not.
  const auto bits = static_cast<int64_t>(bit_size(dtype)), rest = all % 8 * bits;
  if (__builtin_mul_overflow(all / 8, bits, &all) || __builtin_add_overflow(all, rest / 8, &all)) return false;
  bytes = empty ? 0 : static_cast<uint64_t>(all);
  return empty || rest % 8 == 0;
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += str(i ? ", " : "", shape[i]);
  return text + "]";
}

const Tensor* Document::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

const Tensor& Document::tensor(std::string_view name) const {
  const Tensor* t = find(name);
  require(t != nullptr, where, ": holds no tensor '", name, "'");
  return *t;
}

const std::string& Document::meta(std::string_view key) const {
  const auto it = metadata.find(std::string(key));
  require(it != metadata.end(), where, ": its metadata has no '", key, "'");
  return it->second;
}

std::string Document::kind() const {
  const auto it = metadata.find(kKindKey);
  return it == metadata.end() ? "" : it->second;
}

std::span<const std::byte> Document::checked(std::string_view name, DType dtype,
                                             const std::vector<int64_t>* shape) const {
  const Tensor& t = tensor(name);
  require(t.dtype == dtype, where, ": tensor '", name, "' is ", dtype_name(t.dtype), ", not ", dtype_name(dtype));
  if (shape) {
    bool fits = shape->size() == t.shape.size();
    for (std::size_t i = 0; fits && i < shape->size(); ++i) fits = (*shape)[i] < 0 || (*shape)[i] == t.shape[i];
    require(fits, where, ": tensor '", name, "' has shape ", shape_text(t.shape), ", not ", shape_text(*shape));
  }
  if (reinterpret_cast<uintptr_t>(t.bytes.data()) % byte_size(dtype) == 0) return t.bytes;
  const std::lock_guard lock(copies_->mutex);
  auto& copy = copies_->by_name[std::string(name)];
  if (copy.empty()) {
    copy.resize((t.bytes.size() + sizeof(int64_t) - 1) / sizeof(int64_t));
    if (!t.bytes.empty()) std::memcpy(copy.data(), t.bytes.data(), t.bytes.size());
  }
  return std::as_bytes(std::span(copy)).first(t.bytes.size());
}

void Document::add_view(std::string name, DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes) {
  uint64_t wanted = 0;
  require(shape_bytes(shape, dtype, wanted) && wanted == bytes.size(), where, ": tensor '", name, "': shape ",
          shape_text(shape), " of ", dtype_name(dtype), " does not fit ", bytes.size(), " bytes");
  require(name != "__metadata__", where, ": no tensor can be called '__metadata__'");
  require(index_.emplace(name, tensors_.size()).second, where, ": two tensors '", name, "'");
  tensors_.push_back({std::move(name), dtype, std::move(shape), bytes});
  // Made before any thread can ask for values, and only here, so that values() may be called from many threads.
  if (!copies_) copies_ = std::make_shared<Copies>();
}

void Document::add(std::string name, DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes) {
  auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  add_view(std::move(name), dtype, std::move(shape), *copy);
  keep(std::move(copy));
}

void Document::keep(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }
void Document::keep(std::shared_ptr<const MappedFile> file) { files_.push_back(std::move(file)); }

void Document::forget() const {
  for (const auto& file : files_) file->forget();
}

Document Header::document(std::span<const std::byte> data, std::string where) && {
  Document document;
  document.where = std::move(where);
  document.metadata = std::move(metadata);
  document.tensors_.reserve(entries.size());
  for (Entry& e : entries)
    document.add_view(std::move(e.name), e.dtype, std::move(e.shape), data.subspan(e.begin, e.end - e.begin));
  return document;
}

void sort_for_writing(std::vector<Tensor>& tensors) {
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const Tensor& a, const Tensor& b) { return bit_size(a.dtype) > bit_size(b.dtype); });
}

std::string header_bytes(const std::map<std::string, std::string>& metadata, std::span<const Tensor> tensors) {
  std::string text = "{";
  // Strings alone are made JSON: destroying an array or an object allocates, which where memory is out ends the
  // process.
  const auto append = [&](const nlohmann::json& name, const auto&... value) {
    text += str(text.ends_with('{') ? "" : ",", name.dump(), ":", value...);
  };
  uint64_t begin = 0;
  try {
    if (!metadata.empty()) {
      append("__metadata__", "{");
      for (const auto& [key, value] : metadata) append(key, nlohmann::json(value).dump());
      text += '}';
    }
    for (const Tensor& t : tensors) {
      uint64_t bytes = 0;
      require(shape_bytes(t.shape, t.dtype, bytes) && !__builtin_add_overflow(begin, bytes, &bytes), "tensor '", t.name,
              "': shape ", shape_text(t.shape), " is too large");
      std::string shape;
      for (const auto extent : t.shape) shape += str(shape.empty() ? "" : ",", extent);
      append(t.name, R"({"dtype":")", dtype_name(t.dtype), R"(","shape":[)", shape, R"(],"data_offsets":[)", begin, ",",
             bytes, "]}");
      begin = bytes;
    }
  } catch (const nlohmann::json::exception&) {
    fail("cannot write a header: its metadata or a tensor's name is not valid UTF-8");
  }
  text += '}';
  text.append((64 - (8 + text.size()) % 64) % 64, ' ');
  require(text.size() <= kMaxHeaderBytes, "cannot write a header of ", text.size(), " bytes; at most ",
          kMaxHeaderBytes);
  std::string all(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) all[i] = static_cast<char>(text.size() >> (8 * i));
  return all + text;
}

}  // namespace storm
