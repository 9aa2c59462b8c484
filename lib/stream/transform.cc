#include "stream/transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/error.h"
#include "stream/tokens.h"

namespace storm {

namespace {

constexpr int64_t kBlock = 1 << 16;                          // elements held at a time
const std::string kOlderState = "adam.m,adam.v,nesterov.m";  // in checkpoints of before they named them

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);  // tensors of foreign files may not be aligned
  return value;
}

bool is_vocabulary(const Tensor& t) { return t.name == "vocab" || t.name.starts_with("vocab."); }

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes.size() == b.bytes.size() && std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin());
}

// Writes a document whose float tensors are made block by block: fill(tensor, first element, values).
void write_blocks(const std::map<std::string, std::string>& metadata, const std::vector<Tensor>& tensors,
                  const std::function<void(const Tensor&, int64_t, std::span<double>)>& fill, Output& output) {
  output.write(header_bytes(metadata, tensors));
  std::vector<double> values;
  std::vector<std::byte> bytes;
  for (const Tensor& t : tensors) {
    if (!is_float(t.dtype)) {
      output.write(t.bytes);
      continue;
    }
    for (int64_t first = 0, n = t.elements(); first < n; first += kBlock) {
      values.resize(static_cast<std::size_t>(std::min(kBlock, n - first)));
      bytes.resize(values.size() * byte_size(t.dtype));
      fill(t, first, values);
      require(write_floats(values, t.dtype, bytes) == 0, "tensor '", t.name, "': a value is beyond the range of ",
              dtype_name(t.dtype));
      output.write(bytes);
    }
  }
}

}  // namespace

bool is_float(DType t) { return t == DType::F16 || t == DType::BF16 || t == DType::F32 || t == DType::F64; }

void read_floats(const Tensor& tensor, int64_t first, std::span<double> out) {
  const auto size = byte_size(tensor.dtype);
  const std::byte* from = tensor.bytes.data() + static_cast<std::size_t>(first) * size;
  for (std::size_t i = 0; i < out.size(); ++i, from += size) switch (tensor.dtype) {
      case DType::F16:
        out[i] = f16_to_f32(load<uint16_t>(from));
        break;
      case DType::BF16:
        out[i] = bf16_to_f32(load<uint16_t>(from));
        break;
      case DType::F32:
        out[i] = load<float>(from);
        break;
      case DType::F64:
        out[i] = load<double>(from);
        break;
      default:
        fail("tensor '", tensor.name, "' is ", dtype_name(tensor.dtype), ", not F16, BF16, F32 or F64");
    }
}

void read_floats(const Tensor& tensor, int64_t first, std::span<float> out) {
  const std::byte* from = tensor.bytes.data() + static_cast<std::size_t>(first) * byte_size(tensor.dtype);
  if (tensor.dtype == DType::F32) {
    if (!out.empty()) std::memcpy(out.data(), from, out.size_bytes());
    return;
  }
  const bool half = tensor.dtype == DType::F16;
  require(half || tensor.dtype == DType::BF16, "tensor '", tensor.name, "' is ", dtype_name(tensor.dtype),
          ", not F32, F16 or BF16");
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto bits = load<uint16_t>(from + 2 * i);
    out[i] = half ? f16_to_f32(bits) : bf16_to_f32(bits);
  }
}

int64_t write_floats(std::span<const double> values, DType dtype, std::span<std::byte> out) {
  const auto size = byte_size(dtype);
  std::byte* to = out.data();
  int64_t overflows = 0;
  const auto put = [&](auto bits, double back, double value) {
    std::memcpy(to, &bits, sizeof bits);
    overflows += std::isinf(back) && std::isfinite(value);
    to += size;
  };
  for (const double x : values) {
    const auto single = static_cast<float>(x);
    if (dtype == DType::F16)
      put(f32_to_f16(single), f16_to_f32(f32_to_f16(single)), x);
    else if (dtype == DType::BF16)
      put(f32_to_bf16(single), bf16_to_f32(f32_to_bf16(single)), x);
    else if (dtype == DType::F32)
      put(single, single, x);
    else
      put(x, x, x);
  }
  return overflows;
}

namespace {

// Of whole numbers that a scale beside them is for, nothing but the scale would be averaged or converted.
void require_no_int8(const Document& document) {
  for (const Tensor& t : document.tensors())
    require(t.dtype != DType::I8 || !document.find(t.name + ".scale"), document.where, ": ", t.name,
            " is a weight of int8; take the model of floats that it was made from");
}

}  // namespace

void write_merged(std::span<const Document> documents, Output& output) {
  require(!documents.empty(), "nothing to merge");
  const Document& first = documents[0];
  std::vector<Tensor> merged = first.tensors();
  // Each document's begin at 0 and end with the count of what they divide, so they say how far the next ones move.
  const auto is_offsets = [](const Tensor& t) {
    return t.dtype == DType::I64 && t.shape.size() == 1 && t.name.ends_with(".offsets");
  };
  const auto is_sentences = [&](const Tensor& t) {
    return first.kind() == kTokensKind && t.name == "sentences" && t.dtype == DType::I64 && t.shape.size() == 1;
  };
  for (const Document& d : documents.subspan(1)) {
    require_same_stream(d, first.metadata);
    for (const Tensor& t : d.tensors())
      require(first.find(t.name), d.where, ": tensor '", t.name, "' is not in the first document");
    for (Tensor& m : merged) {
      const Tensor* t = d.find(m.name);
      if (is_vocabulary(m)) {
        require(!t || same_bytes(*t, m), d.where, ": ", m.name, " differs from the first document's");
        continue;
      }
      require(t != nullptr, d.where, ": holds no tensor '", m.name, "', as the first document does");
      bool fits = t->dtype == m.dtype && t->shape.size() == m.shape.size() && !m.shape.empty();
      for (std::size_t i = 1; fits && i < m.shape.size(); ++i) fits = t->shape[i] == m.shape[i];
      require(fits, d.where, ": tensor '", m.name, "' (", dtype_name(t->dtype), " ", shape_text(t->shape),
              ") cannot follow the first document's (", dtype_name(m.dtype), " ", shape_text(m.shape), ")");
      const int64_t more = t->shape[0] - (is_offsets(m) && t->shape[0] > 0 ? 1 : 0);  // the 0 at the front comes once
      require(!__builtin_add_overflow(m.shape[0], more, &m.shape[0]), d.where, ": tensor '", m.name, "' (",
              shape_text(t->shape), ") is too many rows to follow those before it");
    }
  }
  sort_for_writing(merged);
  output.write(header_bytes(first.metadata, merged));
  for (const Tensor& m : merged) {
    if (is_vocabulary(m)) {
      output.write(m.bytes);
    } else if (is_sentences(m)) {
      SentenceNumbers numbers;
      std::vector<int64_t> moved;
      for (const Document& d : documents) {
        const auto sentences = d.values<int64_t>(m.name, {-1});
        const int64_t before = numbers.before(d, sentences, 0);
        moved.assign(sentences.begin(), sentences.end());
        for (auto& sentence : moved) sentence += before;
        output.write(std::as_bytes(std::span(moved)));
      }
    } else if (is_offsets(m)) {
      uint64_t before = 0;  // unsigned: what no reader has checked may overflow
      std::vector<uint64_t> moved;
      for (const Document& d : documents) {
        const auto offsets = d.values<int64_t>(m.name, {-1});
        require(!offsets.empty() && offsets[0] == 0, d.where, ": tensor '", m.name, "' does not begin with 0");
        moved.assign(offsets.begin() + (&d == &first ? 0 : 1), offsets.end());
        for (auto& offset : moved) offset += before;
        output.write(std::as_bytes(std::span(moved)));
        before += static_cast<uint64_t>(offsets.back());
      }
    } else {  // end to end also where a row ends within a byte: rows are not padded, and each tensor fills its bytes
      for (const Document& d : documents) output.write(d.tensor(m.name).bytes);
    }
  }
}

void write_average(std::span<const Document> documents, const std::string& command, Output& output) {
  for (const Document& d : documents) require_no_int8(d);
  require(!documents.empty(), "nothing to average");
  const Document& last = documents.back();
  for (const Document& d : documents) {
    require(d.kind() != "tokens", d.where, ": holds tokens, whose mean has no meaning");
    const auto config = [](const Document& x) { return x.metadata.contains("config") ? x.meta("config") : ""; };
    require(config(d) == config(last) && d.kind() == last.kind(), d.where, ": its kind or config differs from that of ",
            last.where);
    require(d.tensors().size() == last.tensors().size(), d.where, ": holds ", d.tensors().size(), " tensors, ",
            last.where, " ", last.tensors().size());
    for (const Tensor& t : last.tensors()) {
      const Tensor& other = d.tensor(t.name);
      require(other.dtype == t.dtype && other.shape == t.shape, d.where, ": tensor '", t.name, "' is ",
              dtype_name(other.dtype), " ", shape_text(other.shape), ", in ", last.where, " ", dtype_name(t.dtype), " ",
              shape_text(t.shape));
      require(!is_vocabulary(t) || same_bytes(other, t), d.where, ": ", t.name, " differs from that of ", last.where);
    }
  }
  auto metadata = last.metadata;
  metadata[kCommandKey] = command;
  auto tensors = last.tensors();
  if (last.kind() == "checkpoint") {  // no run goes on from an average: the training's state would be nonsense
    metadata[kKindKey] = "model";
    const auto names = "," + (metadata.contains(kStateTensorsKey) ? metadata.at(kStateTensorsKey) : kOlderState) + ",";
    std::erase_if(metadata, [](const auto& entry) { return entry.first.starts_with("train."); });
    std::erase_if(tensors, [&](const Tensor& t) { return names.find("," + t.name + ",") != names.npos; });
  }
  sort_for_writing(tensors);
  std::vector<double> one;
  const auto mean = [&](const Tensor& t, int64_t begin, std::span<double> sum) {
    std::fill(sum.begin(), sum.end(), 0.0);
    one.resize(sum.size());
    for (const Document& d : documents) {
      read_floats(d.tensor(t.name), begin, one);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
    }
    for (auto& x : sum) x /= static_cast<double>(documents.size());
  };
  write_blocks(metadata, tensors, mean, output);
}

void write_converted(const Document& document, DType dtype, Output& output) {
  require_no_int8(document);
  require(is_float(dtype), "cannot convert to ", dtype_name(dtype), ": no float");
  auto tensors = document.tensors();
  for (Tensor& t : tensors)
    if (is_float(t.dtype)) t.dtype = dtype;
  sort_for_writing(tensors);
  const auto read = [&](const Tensor& t, int64_t first, std::span<double> values) {
    read_floats(document.tensor(t.name), first, values);
  };
  write_blocks(document.metadata, tensors, read, output);
}

}  // namespace storm
