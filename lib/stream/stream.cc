#include "stream/stream.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <system_error>
#include <vector>

#include "base/error.h"

namespace storm {

namespace {

// Bytes that grow as they arrive: a header that claims a petabyte costs nothing until a petabyte comes. realloc, since
// it moves pages instead of copying large blocks, and leaves new bytes untouched.
class GrowingBytes {
 public:
  std::span<std::byte> grow(std::size_t size) {
    void* at = std::realloc(data_.get(), size);
    if (!at) throw std::bad_alloc();
    static_cast<void>(data_.release());
    data_.reset(static_cast<std::byte*>(at));
    return {data_.get(), size};
  }
  std::shared_ptr<const void> share() && { return std::shared_ptr<const std::byte>(std::move(data_)); }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
};

constexpr uint64_t kFirstBlock = 1 << 20;

// Reads exactly size bytes; what: for the error.
std::span<const std::byte> read_exactly(Input& input, uint64_t size, GrowingBytes& bytes, uint64_t begin) {
  uint64_t have = 0;
  std::span<std::byte> all;
  while (have < size) {
    const uint64_t want = std::min(size, std::max(kFirstBlock, 2 * have));
    all = bytes.grow(want);
    const auto n = input.read(all.subspan(have));
    have += n;
    require(have == want, input.name(), ": byte ", input.offset(), ": truncated, the document that began at byte ",
            begin, " needs ", size - have, " more bytes");
  }
  return all;
}

}  // namespace

std::optional<Document> StreamReader::next() {
  const uint64_t begin = input_.offset();
  std::array<std::byte, 8> length_bytes;
  const auto n = input_.read(length_bytes);
  if (n == 0) return std::nullopt;
  require(n == 8, name(), ": byte ", input_.offset(), ": truncated, a document began at byte ", begin);
  const auto length = parse_header_length(length_bytes, name(), begin);
  Header header;
  {
    GrowingBytes bytes;
    header = parse_header(read_exactly(input_, length, bytes, begin), name(), begin);
  }
  GrowingBytes bytes;
  const auto data = read_exactly(input_, header.data_bytes, bytes, begin);
  auto document = std::move(header).document(data, str(name(), ": byte ", begin));
  document.keep(std::move(bytes).share());
  return document;
}

MappedStream::MappedStream(const std::string& path) : file_(std::make_shared<const MappedFile>(path)) {}

Document parse_document(std::span<const std::byte> bytes, std::string_view name, uint64_t& offset) {
  const auto rest = bytes.subspan(offset);
  const auto need = [&](uint64_t size) {
    require(rest.size() >= size, name, ": byte ", bytes.size(), ": truncated, the document that began at byte ", offset,
            " needs ", size - rest.size(), " more bytes");
  };
  need(8);
  const auto length = parse_header_length(rest.first<8>(), name, offset);
  need(8 + length);
  auto header = parse_header(rest.subspan(8, length), name, offset);
  const auto data_bytes = header.data_bytes;
  need(8 + length + data_bytes);
  auto document = std::move(header).document(rest.subspan(8 + length, data_bytes), str(name, ": byte ", offset));
  offset += 8 + length + data_bytes;
  return document;
}

std::optional<Document> MappedStream::next() {
  if (offset_ >= size()) return std::nullopt;
  auto document = parse_document(file_->bytes(), name(), offset_);
  document.keep(file_);
  return document;
}

void require_kind(const Document& document, std::string_view kind) {
  const auto held = document.kind();
  require(held == kind, document.where, ": holds ", held.empty() ? "no kind of STORM stream" : "'" + held + "'",
          ", not '", kind, "'");
}

std::string kind_of_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  try {
    const auto document = MappedStream(path).next();
    return document ? document->kind() : std::string();
  } catch (const Error&) {
    return {};
  }
}

void require_same_stream(const Document& later, const std::map<std::string, std::string>& first) {
  if (!later.metadata.contains(kKindKey)) return;
  const auto value_in = [](const std::map<std::string, std::string>& all, const std::string& key) {
    const auto it = all.find(key);
    return it == all.end() ? "not said" : "'" + it->second + "'";
  };
  for (const auto* all : {&first, &later.metadata})
    for (const auto& [key, value] : *all) {
      const bool of_format =
          key.starts_with("storm.") || key.starts_with("embeddings.") || key.starts_with("attention.");
      require(!of_format || key == kCommandKey || value_in(first, key) == value_in(later.metadata, key), later.where,
              ": ", key, " is ", value_in(later.metadata, key), ", in the stream's first document ",
              value_in(first, key));
    }
}

Document read_document(const std::string& path, std::string_view kind) {
  const auto only = [&](auto&& stream) {
    auto document = stream.next();
    require(document.has_value(), stream.name(), ": byte 0: empty, not a tensor stream");
    if (!kind.empty()) require_kind(*document, kind);
    const auto end = stream.offset();
    require(!stream.next(), stream.name(), ": byte ", end,
            ": a second document where one was expected; merge them with tensor cat");
    return std::move(*document);
  };
  std::error_code ignored;
  const bool mapped = path != "-" && std::filesystem::is_regular_file(path, ignored);
  return mapped ? only(MappedStream(path)) : only(StreamReader(path));
}

void write_document(Output& output, const Document& document) {
  auto tensors = document.tensors();
  sort_for_writing(tensors);
  output.write(header_bytes(document.metadata, tensors));
  for (const Tensor& t : tensors) output.write(t.bytes);
}

void leave_unfinished(Output& output) noexcept {
  try {
    output.write(std::string_view("\0", 1));
    output.flush();
  } catch (const Error&) {  // whoever reads has gone, or the disk is full: nobody is misled
  }
}

}  // namespace storm
