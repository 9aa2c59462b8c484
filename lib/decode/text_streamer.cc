#include "decode/text_streamer.h"

#include <algorithm>

namespace storm {

namespace {

constexpr std::string_view kReplacement = "\uFFFD";  // what decoding makes of a character that lacks bytes

}  // namespace

TextStreamer::TextStreamer(const Vocabulary& vocabulary, const StopStrings* stop,
                           std::function<void(std::string_view)> write)
    : vocabulary_(vocabulary), stop_(stop), write_(std::move(write)) {}

void TextStreamer::begin(std::span<const int32_t> prompt) {
  prompt_ = prompt;
  begun_ = false;
  ids_.clear();
  written_ = 0;
}

void TextStreamer::write_prompt() {
  if (begun_) return;
  const auto text = vocabulary_.decode(prompt_);
  write_to(text, text.size());
  written_ = 0;
  begun_ = true;
}

void TextStreamer::put(int32_t id) {
  write_prompt();
  ids_.push_back(id);
  const auto text = text_behind(vocabulary_, prompt_, ids_);
  std::string_view certain = text;
  while (certain.ends_with(kReplacement)) certain.remove_suffix(kReplacement.size());
  if (stop_) {
    certain = certain.substr(0, stop_->find(text));
    certain.remove_suffix(stop_->begun(certain));
  }
  write_to(text, certain.size());
}

void TextStreamer::end() {
  write_prompt();
  const auto text = text_behind(vocabulary_, prompt_, ids_);
  write_to(text, stop_ ? std::min(text.size(), stop_->find(text)) : text.size());
}

void TextStreamer::write_to(std::string_view text, std::size_t end) {
  if (end <= written_) return;
  write_(text.substr(written_, end - written_));
  written_ = end;
}

}  // namespace storm
