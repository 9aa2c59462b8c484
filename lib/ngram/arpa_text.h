// The text of an ARPA file of an n-gram model, line by line:
//
//   \data\            (how many n-grams of each order there are)
//   ngram 1=4
//   ngram 2=2
//
//   \1-grams:
//   -99 <s> -0.3
//   ...
//   \2-grams:
//   -0.2 a </s>
//   ...
//   \end\             (of the file)
//
// An n-gram is log10 of its probability, its words, and but in the highest order log10 of its back-off weight, which
// may be missing where it is 0. Fields are separated by spaces and TABs, lines end with LF or CR LF, blank lines may
// stand anywhere, and so may any text before \data\ (SRILM passes it over; KenLM takes lines that begin with #).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "ngram/packed_words.h"

namespace storm {

struct ArpaLine {
  float log_prob = 0, backoff = 0;
  std::array<std::string_view, kMostOrder> words;  // as many as the order
};

class ArpaText {
 public:
  // Reads up to the counts. Throws Error that says the line, as all that follow do.
  explicit ArpaText(const MappedFile& file);

  const std::vector<uint64_t>& counts() const { return counts_; }  // what the file says of each order, from 1 on
  int order() const { return static_cast<int>(counts_.size()); }

  void begin_section(int order);  // orders come one after another, from 1 on, each read to its end
  // The section's next n-gram; false when as many have come as the file says. The words stay while the file does.
  bool next(ArpaLine& gram);
  void end();  // behind the last section

  uint64_t line() const { return line_; }  // of what was read last; the first is 1
  uint64_t byte() const { return at_; }    // where the next one begins
  template <class... Parts>
  [[noreturn]] void refuse_at(uint64_t line, const Parts&... parts) const {
    fail(file_.name(), ": line ", line, ": ", parts...);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    refuse_at(line_, parts...);
  }
  std::string_view take();  // the next line that is not blank, without white space around it
  void read_count(std::string_view line);
  void expect(const std::string& heading);
  float number_in(std::string_view field, std::string_view what) const;
  std::string place() const;  // what the reader is in: "the 2-grams"

  const MappedFile& file_;
  std::string_view text_;
  std::size_t at_ = 0, forgotten_ = 0;  // bytes: what comes next, what no longer counts as memory
  uint64_t line_ = 0;
  std::vector<uint64_t> counts_;
  int section_ = 0;
  uint64_t read_ = 0;  // n-grams of the section
};

// Whether a file looks like one: \data\ is one of its first lines.
bool holds_arpa(const MappedFile& file);

}  // namespace storm
