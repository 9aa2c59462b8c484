// Reading a header: the one place where a stream's bytes are not yet trusted.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "stream/document.h"

namespace storm {

namespace {

using Json = nlohmann::json;

// A name as errors show it: a header may have one of many megabytes.
std::string short_name(const std::string& name) {
  constexpr std::size_t kShown = 200;
  return name.size() <= kShown ? name : str(name.substr(0, kShown), "... (", name.size(), " bytes)");
}

// Walks the JSON as it is parsed, so that memory stays in proportion to the text and a key that comes twice is seen.
// What it accepts: {"__metadata__": {string: string...}, name: {"dtype": string, "shape": [n...], "data_offsets":
// [begin, end]}...}.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(Header& header, std::string where) : header_(header), where_(std::move(where)) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return unexpected("a fraction or too large a number"); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ != State::shape && state_ != State::offsets) return unexpected("a number");
    if (value > INT64_MAX) bad("number ", value, " is too large");
    auto& list = state_ == State::shape ? entry_.shape : offsets_;
    if (list.size() >= 64) bad("too many numbers in a list");
    list.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(string_t& value) override {
    if (state_ == State::metadata) {
      if (!header_.metadata.emplace(key_, std::move(value)).second) bad("key '", short_name(key_), "' twice");
      if (header_.metadata.size() > kMaxMetadataKeys) bad("more than ", kMaxMetadataKeys, " keys of metadata");
    } else if (state_ == State::tensor && key_ == "dtype") {
      const auto dtype = dtype_from_name(value);
      if (!dtype) bad("unknown dtype '", short_name(value), "'");
      entry_.dtype = *dtype;
    } else {
      return unexpected("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (state_ == State::before) {
      state_ = State::top;
    } else if (state_ == State::top && key_ == "__metadata__") {
      if (std::exchange(metadata_seen_, true)) bad("key '__metadata__' twice");
      state_ = State::metadata;
    } else if (state_ == State::top) {
      state_ = State::tensor;
      entry_ = {};
      entry_.name = std::move(key_);
      offsets_.clear();
      seen_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    key_ = std::move(name);
    if (state_ == State::tensor) {
      if (key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") bad("unknown key '", short_name(key_), "'");
      if (!seen_.insert(key_).second) bad("key '", key_, "' twice");
    }
    return true;
  }

  bool end_object() override {
    if (state_ == State::tensor) {
      if (seen_.size() != 3) bad("dtype, shape or data_offsets is missing");
      if (offsets_.size() != 2 || offsets_[0] > offsets_[1]) bad("data_offsets are not [begin, end]");
      entry_.begin = static_cast<uint64_t>(offsets_[0]);
      entry_.end = static_cast<uint64_t>(offsets_[1]);
      uint64_t bytes = 0;
      if (!shape_bytes(entry_.shape, entry_.dtype, bytes)) {
        const bool fits = bit_size(entry_.dtype) < 8 && shape_bytes(entry_.shape, DType::U8, bytes);
        bad("shape ", shape_text(entry_.shape),
            fits ? str(" of ", dtype_name(entry_.dtype), " ends within a byte") : " is too large");
      }
      if (bytes != entry_.end - entry_.begin)
        bad("shape ", shape_text(entry_.shape), " of ", dtype_name(entry_.dtype), " takes ", bytes,
            " bytes, but data_offsets give ", entry_.end - entry_.begin);
      header_.entries.push_back(std::move(entry_));
    }
    state_ = state_ == State::top ? State::after : State::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ != State::tensor || (key_ != "shape" && key_ != "data_offsets")) return unexpected("a list");
    state_ = key_ == "shape" ? State::shape : State::offsets;
    return true;
  }

  bool end_array() override {
    state_ = State::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    // nlohmann counts bytes from 1, the one at fault included.
    position_ = position ? position - 1 : 0;
    return false;
  }

  std::size_t position() const { return position_; }

 private:
  enum class State { before, top, metadata, tensor, shape, offsets, after };

  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) {
    const bool in_tensor = state_ == State::tensor || state_ == State::shape || state_ == State::offsets;
    fail(where_, ": bad header: ", in_tensor ? "tensor '" + short_name(entry_.name) + "': " : "", parts...);
  }
  bool unexpected(std::string_view what) {
    bad("unexpected ", what, key_.empty() ? "" : " at '" + short_name(key_) + "'");
  }

  Header& header_;
  std::string where_, key_;
  State state_ = State::before;
  Header::Entry entry_{};
  std::vector<int64_t> offsets_;
  std::set<std::string, std::less<>> seen_;  // a tensor's keys
  bool metadata_seen_ = false;
  std::size_t position_ = 0;
};

}  // namespace

uint64_t parse_header_length(std::span<const std::byte, 8> bytes, std::string_view name, uint64_t offset) {
  uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i) length |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  require(length >= 2 && length <= kMaxHeaderBytes, name, ": byte ", offset, ": not a tensor stream (header of ",
          length, " bytes, must be 2 to ", kMaxHeaderBytes, ")");
  return length;
}

void require_object_begins(std::span<const std::byte> json, std::string_view name, uint64_t offset) {
  // The safetensors package takes no white space before the object either, which also keeps a byte-order mark out.
  require(!json.empty() && json[0] == std::byte{'{'}, name, ": byte ", offset,
          ": not a tensor stream (its header does not begin with '{')");
}

Header parse_header(std::span<const std::byte> json, std::string_view name, uint64_t offset) {
  const auto where = str(name, ": byte ", offset);
  const auto* text = reinterpret_cast<const char*>(json.data());
  require_object_begins(json, name, offset);
  Header header;
  HeaderReader reader(header, where);
  if (!Json::sax_parse(text, text + json.size(), &reader))
    fail(name, ": byte ", offset + 8 + reader.position(), ": bad header: not valid JSON");

  std::vector<const std::string*> names;
  for (const auto& e : header.entries) names.push_back(&e.name);
  const auto less = [](const auto* a, const auto* b) { return *a < *b; };
  std::sort(names.begin(), names.end(), less);
  const auto twice =
      std::adjacent_find(names.begin(), names.end(), [](const auto* a, const auto* b) { return *a == *b; });
  require(twice == names.end(), where, ": bad header: key '", twice == names.end() ? "" : short_name(**twice),
          "' twice");

  const auto before = [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);  // empty tensors before the one that begins there
  };
  if (!std::is_sorted(header.entries.begin(), header.entries.end(), before))  // sorting takes the memory once more
    std::stable_sort(header.entries.begin(), header.entries.end(), before);
  for (const auto& e : header.entries) {
    require(e.begin == header.data_bytes, where, ": bad header: tensor '", short_name(e.name), "' begins at byte ",
            e.begin, " of the data, ",
            e.begin < header.data_bytes ? "inside another one's" : "after a hole that began at ",
            e.begin < header.data_bytes ? str(" that ends at ", header.data_bytes) : str(header.data_bytes));
    header.data_bytes = e.end;
  }
  return header;
}

}  // namespace storm
