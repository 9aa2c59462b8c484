// What embed answers, one function a question. Each writes to the output, which its caller commits.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/output.h"
#include "base/printable.h"
#include "tools/cli.h"
#include "tools/embed/space.h"

namespace storm {

void write_stream(Space& space, const Args& args, Output& output);
void write_table(Space& space, const Args& args, Output& output);
void write_nearest(Space& space, const Args& args, Output& output);
void write_arithmetic(Space& space, const Args& args, Output& output);
void write_odd_ones_out(Space& space, const Args& args, Output& output);
void write_similarity(Space& space, const Args& args, Output& output);
void write_analogies(Space& space, const Args& args, Output& output);
void write_plot(Space& space, const Args& args, Output& output);

// --align, which takes two tables of words and no space.
void align(const Args& args);

// A text that is one field of one line.
inline std::string field(std::string_view text) { return printable(text, ' '); }

// A word and where it is asked of: "line 3, 'kuxn'", say. Throws Error where nothing is known of it, and for a vector
// of zeros.
void read_known_word(const WordTable& words, std::string_view word, std::string_view where, std::span<float> to);

}  // namespace storm
