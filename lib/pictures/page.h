// HTML pages that stand alone: a template and what it is filled with.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace storm {

inline constexpr std::string_view kPageStyle =
#include "pictures/page.css.raw"
    ;
inline constexpr std::string_view kPageScript =
#include "pictures/page.js.raw"
    ;

// The template with each {{name}} replaced by its text, which is not looked at again.
std::string filled(std::string_view page, std::initializer_list<std::pair<std::string_view, std::string_view>> texts);

}  // namespace storm
