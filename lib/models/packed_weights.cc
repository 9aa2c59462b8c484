#include "models/packed_weights.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/name_patterns.h"
#include "models/model_file.h"
#include "stream/transform.h"

namespace storm {

namespace {

using Use = ParameterSpec::Use;

std::string scale_name(const ParameterSpec& spec) { return spec.name + ".scale"; }

// The scales of a parameter's rows.
std::vector<float> scales_of(const Document& document, const ParameterSpec& spec) {
  const Tensor* tensor = document.find(scale_name(spec));
  require(tensor && tensor->dtype == DType::F32 && tensor->shape == std::vector<int64_t>{spec.shape.rows},
          document.where, ": ", spec.name, " is I8, and ", scale_name(spec), ", F32 [", spec.shape.rows,
          "], is missing or of another kind; the file is damaged");
  std::vector<float> scales(static_cast<std::size_t>(spec.shape.rows));
  read_floats(*tensor, 0, std::span(scales));
  for (std::size_t r = 0; r < scales.size(); ++r)
    require(std::isfinite(scales[r]) && scales[r] >= 0, document.where, ": ", scale_name(spec), ": row ", r, " is ",
            scales[r], ", which is no scale; the file is damaged");
  return scales;
}

struct Int8Rows {
  std::vector<int8_t> q;      // [rows, cols]
  std::vector<float> scales;  // [rows]
};
// row(r): where the floats of a row are.
template <class Row>
Int8Rows quantized(Shape shape, Row&& row) {
  Int8Rows rows{std::vector<int8_t>(static_cast<std::size_t>(shape.size())),
                std::vector<float>(static_cast<std::size_t>(shape.rows))};
  for (int64_t r = 0; r < shape.rows; ++r)
    rows.scales[static_cast<std::size_t>(r)] = quantize_row(row(r), shape.cols, rows.q.data() + r * shape.cols);
  return rows;
}

// Whoever looks rows up gets what products take.
void set_values(std::span<float> values, std::span<const int8_t> q, std::span<const float> scales) {
  const std::size_t cols = values.size() / scales.size();
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = scales[k / cols] * static_cast<float>(q[k]);
}

}  // namespace

void pack_weight(Parameters& parameters, std::size_t i, PackedNumbers numbers) {
  const auto& spec = parameters.specs()[i];
  if (spec.use == Use::values || parameters.packed(i)) return;
  const auto values = parameters.view(spec.name);
  if (numbers == PackedNumbers::int8 && spec.use == Use::both) {
    const auto [q, scales] = quantized(spec.shape, [&](int64_t r) { return values.data() + r * spec.shape.cols; });
    set_values(values, q, scales);
    return parameters.pack(i, std::make_shared<const PackedWeight>(q.data(), scales, spec.shape.cols));
  }
  parameters.pack(i, std::make_shared<const PackedWeight>(numbers, values.data(), spec.shape.rows, spec.shape.cols));
}

void pack_weights(Parameters& parameters, PackedNumbers numbers) {
  for (std::size_t i = 0; i < parameters.specs().size(); ++i) pack_weight(parameters, i, numbers);
}

bool has_packed_weights(const Parameters& parameters) {
  for (std::size_t i = 0; i < parameters.specs().size(); ++i)
    if (parameters.packed(i)) return true;
  return false;
}

bool is_int8(const Document& document, const ParameterSpec& spec) {
  const Tensor* tensor = document.find(spec.name);
  return tensor && tensor->dtype == DType::I8;
}

void read_int8(const Document& document, Parameters& parameters, std::size_t i) {
  const auto& spec = parameters.specs()[i];
  require(spec.use != Use::values, document.where, ": ", spec.name, " is I8, and no product takes it");
  const auto q = document.values<int8_t>(spec.name, file_shape(spec));
  require(std::ranges::find(q, -128) == q.end(), document.where, ": ", spec.name,
          " holds -128, and int8 weights are whole numbers from -127 to 127; the file is damaged");
  const auto scales = scales_of(document, spec);
  if (spec.use == Use::both) set_values(parameters.view(spec.name), q, scales);
  parameters.pack(i, std::make_shared<const PackedWeight>(q.data(), scales, spec.shape.cols));
}

Document int8_document(const Document& document, const Model& model, const std::string& floats) {
  const auto& specs = model.parameters().specs();
  std::vector<std::string> names;
  for (const auto& spec : specs)
    if (spec.use != Use::values) names.push_back(spec.name);
  const auto stay = floats.empty() ? std::vector<bool>(names.size()) : matched_names("--keep", floats, names);
  Document made;
  made.metadata = document.metadata;
  std::vector<float> row;
  for (const Tensor& tensor : document.tensors()) {
    const auto at = std::ranges::find(names, tensor.name) - names.begin();
    if (at == std::ssize(names) || stay[static_cast<std::size_t>(at)]) {
      made.add_view(tensor.name, tensor.dtype, tensor.shape, tensor.bytes);
      continue;
    }
    const auto& spec = *std::ranges::find(specs, tensor.name, &ParameterSpec::name);
    row.resize(static_cast<std::size_t>(spec.shape.cols));
    const auto [q, scales] = quantized(spec.shape, [&](int64_t r) {
      read_floats(parameter_tensor(document, spec), r * spec.shape.cols, std::span(row));
      return row.data();
    });
    for (std::size_t r = 0; r < scales.size(); ++r)
      require(std::isfinite(scales[r]), document.where, ": ", spec.name, ": row ", r,
              " holds a number that is not finite, which no scale stands for");
    made.add(tensor.name, DType::I8, tensor.shape, std::as_bytes(std::span(q)));
    made.add(scale_name(spec), std::span<const float>(scales));
    document.forget();
  }
  return made;
}

}  // namespace storm
