// The fields of a protobuf message, which SentencePiece's models are, without the library:
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace storm {

// Calls visit(number, value, bytes) for each field of a protobuf message: bytes of a string, a message or a fixed-width
// number, value of any other number. False for what is no message.
template <class Visit>
bool each_field(std::string_view message, Visit&& visit) {
  const auto varint = [&](uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !message.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(message[0]);
      message.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  while (!message.empty()) {
    uint64_t tag, value = 0;
    if (!varint(tag)) return false;
    uint64_t length = 0;
    switch (tag & 7) {
      case 0:
        if (!varint(value)) return false;
        break;
      case 1:
        length = 8;
        break;
      case 2:
        if (!varint(length)) return false;
        break;
      case 5:
        length = 4;
        break;
      default:
        return false;
    }
    if (length > message.size()) return false;
    visit(tag >> 3, value, message.substr(0, length));
    message.remove_prefix(length);
  }
  return true;
}

// The bytes of a field: of a number, and of a string or message.
inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes += static_cast<char>(value);
}
inline std::string varint_field(uint64_t number, uint64_t value) { return varint(number << 3) + varint(value); }
inline std::string message_field(uint64_t number, std::string_view bytes) {
  return (varint(number << 3 | 2) + varint(bytes.size())).append(bytes);
}

}  // namespace storm
