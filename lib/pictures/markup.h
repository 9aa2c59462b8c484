// Text and numbers as they may stand in XML, HTML and in the JSON of a page's <script>.
#pragma once

#include <string>
#include <string_view>

namespace storm {

// Text for XML and HTML, between tags or in quotes: & < > " ' escaped, invalid UTF-8 and what XML does not know
// replaced by U+FFFD, control characters by their pictures (U+2400...).
std::string markup_text(std::string_view text);

// The same as a JSON string with its quotes, which neither ends a <script> nor a line.
std::string json_text(std::string_view text);

// Whether the first letter that has a direction is of a script that runs from right to left.
bool right_to_left(std::string_view text);

// An upper estimate in em, for whatever sans-serif font: what a picture leaves room for.
double text_width(std::string_view text);

// The text, or its beginning and an ellipsis, within so many em.
std::string shortened(std::string_view text, double em);

// A coordinate: two digits after the point at the most.
std::string short_number(double value);

}  // namespace storm
