#include "exchange/tensor_rows.h"

#include <algorithm>

#include "base/error.h"
#include "stream/transform.h"

namespace storm {

namespace {

constexpr int64_t kPiece = 1 << 16;  // numbers that are handed on at once, and lie in the cache

bool is_weight(DType t) { return t == DType::F32 || t == DType::F16 || t == DType::BF16; }

// [rows, cols] -> [cols, rows], in squares that fit the cache.
void transpose(std::span<const float> from, int64_t rows, int64_t cols, std::span<float> to) {
  constexpr int64_t kSquare = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kSquare)
    for (int64_t c0 = 0; c0 < cols; c0 += kSquare)
      for (int64_t r = r0; r < std::min(rows, r0 + kSquare); ++r)
        for (int64_t c = c0; c < std::min(cols, c0 + kSquare); ++c)
          to[static_cast<std::size_t>(c * rows + r)] = from[static_cast<std::size_t>(r * cols + c)];
}

// Moves the numbers of the residual stream from their places to ours, or back. values: [rows, cols], whole.
void permute(std::span<float> values, int64_t rows, int64_t cols, TensorRow::Stream stream,
             const std::vector<int64_t>& order, bool to_ours) {
  const bool of_rows = stream == TensorRow::Stream::rows;
  const auto extent = static_cast<std::size_t>(of_rows ? rows : cols);
  require(extent == order.size(), "a residual stream of ", order.size(), " numbers where a parameter has ", extent);
  const std::vector<float> before(values.begin(), values.end());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      const auto place = order[static_cast<std::size_t>(of_rows ? r : c)];
      const auto ours = static_cast<std::size_t>(r * cols + c),
                 theirs = static_cast<std::size_t>(of_rows ? place * cols + c : r * cols + place);
      values[to_ours ? ours : theirs] = before[to_ours ? theirs : ours];
    }
}

bool is_moved(const TensorRow& row, const ParameterSpec& spec, const Orders& orders) {
  return (!orders.stream.empty() && row.stream != TensorRow::Stream::none) ||
         (orders.padding >= 0 && spec.vocabulary >= 0);
}

void move(std::span<float> values, int64_t rows, int64_t cols, const TensorRow& row, const ParameterSpec& spec,
          const Orders& orders, bool to_ours) {
  if (!orders.stream.empty() && row.stream != TensorRow::Stream::none)
    permute(values, rows, cols, row.stream, orders.stream, to_ours);
  if (orders.padding < 0 || spec.vocabulary < 0) return;
  const auto piece = static_cast<std::ptrdiff_t>(spec.vector ? 1 : cols);  // numbers of one
  const auto padding = values.begin() + orders.padding * piece;
  std::rotate(padding, to_ours ? values.end() - piece : padding + piece, values.end());
}

// Their [cols, rows] as ours, [rows, cols], in pieces of a few rows, by squares: the whole of it twice would be memory
// that is new to the process for each matrix.
void read_transposed(const Tensor& tensor, int64_t rows, int64_t cols, const Pieces& take) {
  constexpr int64_t kSquare = 16;
  const int64_t band = std::max(kSquare, kPiece / std::max<int64_t>(cols, 1) / kSquare * kSquare);
  std::vector<float> piece(static_cast<std::size_t>(std::min(band, rows) * cols));
  std::vector<float> theirs(static_cast<std::size_t>(kSquare * band));
  for (int64_t first = 0; first < rows; first += band) {
    const int64_t n = std::min(band, rows - first);
    for (int64_t c0 = 0; c0 < cols; c0 += kSquare) {
      const int64_t width = std::min(kSquare, cols - c0);
      for (int64_t c = 0; c < width; ++c)
        read_floats(tensor, (c0 + c) * rows + first,
                    std::span(theirs).subspan(static_cast<std::size_t>(c * band), static_cast<std::size_t>(n)));
      for (int64_t r = 0; r < n; ++r)
        for (int64_t c = 0; c < width; ++c)
          piece[static_cast<std::size_t>(r * cols + c0 + c)] = theirs[static_cast<std::size_t>(c * band + r)];
    }
    take(std::span(piece).first(static_cast<std::size_t>(n * cols)));
  }
}

// A part of the parameter: the rows of one of their tensors.
int64_t part_rows(const TensorRow& row, const ParameterSpec& spec) {
  const int64_t rows = spec.vector ? spec.shape.cols : spec.shape.rows;
  return rows / static_cast<int64_t>(row.theirs.size());
}

const std::string& name_in(const TensorRow& row, std::size_t part, const Weights& weights) {
  return !row.instead.empty() && !weights.has(row.theirs[part]) ? row.instead : row.theirs[part];
}

}  // namespace

std::pair<TensorRow*, TensorRow*> add_layer(std::vector<TensorRow>& rows, const std::string& ours,
                                            const std::vector<std::string>& theirs) {
  for (const char* part : {".weight", ".bias"}) {
    TensorRow row{.ours = ours + part, .theirs = {}};
    for (const auto& name : theirs) row.theirs.push_back(name + part);
    rows.push_back(std::move(row));
  }
  return {&rows.end()[-2], &rows.end()[-1]};
}

std::vector<int64_t> their_shape(const TensorRow& row, const ParameterSpec& spec) {
  std::vector<int64_t> shape(static_cast<std::size_t>(row.leading_ones), 1);
  if (row.transposed) shape.push_back(spec.shape.cols);
  shape.push_back(part_rows(row, spec));
  if (!spec.vector && !row.transposed) shape.push_back(spec.shape.cols);
  return shape;
}

void check_row(const TensorRow& row, const ParameterSpec& spec, Weights& weights) {
  for (std::size_t part = 0; part < row.theirs.size(); ++part) {
    const auto& name = name_in(row, part, weights);
    const Tensor& tensor = weights.tensor(name);
    const auto wanted = their_shape(row, spec);
    require(tensor.shape == wanted, weights.where(name), ": ", tensor.name, " is ", shape_text(tensor.shape),
            ", config.json asks for ", shape_text(wanted));
    require(is_weight(tensor.dtype), weights.where(name), ": ", tensor.name, " is ", dtype_name(tensor.dtype),
            ", not F32, F16 or BF16");
  }
}

void read_row(const TensorRow& row, const ParameterSpec& spec, Weights& weights, const Orders& orders,
              const Pieces& take) {
  check_row(row, spec, weights);
  const int64_t rows = spec.vector ? 1 : part_rows(row, spec),
                cols = spec.vector ? part_rows(row, spec) : spec.shape.cols;
  const bool moved = is_moved(row, spec, orders);
  for (std::size_t part = 0; part < row.theirs.size(); ++part) {
    const Tensor& tensor = weights.tensor(name_in(row, part, weights));
    if (row.transposed) {  // no family has transposed tensors in another order
      read_transposed(tensor, rows, cols, take);
      continue;
    }
    if (!moved) {
      std::vector<float> piece;
      for (int64_t first = 0; first < rows * cols; first += kPiece) {
        piece.resize(static_cast<std::size_t>(std::min(kPiece, rows * cols - first)));
        read_floats(tensor, first, std::span(piece));
        take(piece);
      }
      continue;
    }
    std::vector<float> whole(static_cast<std::size_t>(rows * cols));
    read_floats(tensor, 0, std::span(whole));
    move(whole, rows, cols, row, spec, orders, true);
    take(whole);
  }
}

void write_row(const TensorRow& row, const ParameterSpec& spec, std::size_t part, std::span<const float> ours,
               const Orders& orders, const Pieces& take) {
  const int64_t rows = spec.vector ? 1 : part_rows(row, spec),
                cols = spec.vector ? part_rows(row, spec) : spec.shape.cols;
  const auto size = static_cast<std::size_t>(rows * cols);
  const auto mine = ours.subspan(part * size, size);
  const bool moved = is_moved(row, spec, orders);
  if (!row.transposed && !moved) return take(mine);
  std::vector<float> whole(mine.begin(), mine.end());
  move(whole, rows, cols, row, spec, orders, false);
  if (row.transposed) {
    std::vector<float> turned(size);
    transpose(whole, rows, cols, turned);
    whole.swap(turned);
  }
  take(whole);
}

}  // namespace storm
