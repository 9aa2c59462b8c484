#include "pictures/page.h"

#include "base/error.h"

namespace storm {

std::string filled(std::string_view page, std::initializer_list<std::pair<std::string_view, std::string_view>> texts) {
  std::string out;
  while (true) {
    const auto open = page.find("{{");
    out += page.substr(0, open);
    if (open == std::string_view::npos) return out;
    const auto close = page.find("}}", open);
    const auto name = page.substr(open + 2, close - open - 2);
    bool found = false;
    for (const auto& [key, text] : texts)
      if (key == name) found = true, out += text;
    require(found, "the page's template has no text for ", name);
    page.remove_prefix(close + 2);
  }
}

}  // namespace storm
