// sacreBLEU's way of writing flags, turned into the one that cxxopts reads: "-tok char" and "-i A B" have no place
// there.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/cli.h"

namespace storm {

inline constexpr char kListSeparator = '\x1f';  // between the values of a flag that takes several

// Short names of more than one letter; a flag's other short name is in its Flag.
inline constexpr std::pair<std::string_view, std::string_view> kBleuShortNames[] = {
    {"-nr", "--num-refs"},      {"-sl", "--sentence-level"},  {"-sv", "--smooth-value"},    {"-tok", "--tokenize"},
    {"-lc", "--lowercase"},     {"-cc", "--chrf-char-order"}, {"-cw", "--chrf-word-order"}, {"-ci", "--confidence"},
    {"-cin", "--confidence-n"}, {"-par", "--paired-ar"},      {"-pbs", "--paired-bs"},      {"-parn", "--paired-ar-n"},
    {"-pbsn", "--paired-bs-n"}, {"-sh", "--short"},           {"-nc", "--no-color"},        {"-V", "--version"},
    {"-ol", "--origlang"},
};
inline constexpr std::string_view kBleuLists[] = {"--input", "--metrics"};

// sacreBLEU's flags about test sets that it downloads: each becomes --test-set=FLAG, which the tool refuses.
inline constexpr std::string_view kBleuTestSetFlags[] = {"--test-set", "--list",   "--download", "--echo",
                                                         "--origlang", "--subset", "--citation", "--cite"};
// Flags that sacreBLEU has not: they must not make the beginning of one of its flags unclear.
inline constexpr std::string_view kBleuOwnFlags[] = {"--per-sentence",     "--worst", "--source",  "--spm-model",
                                                     "--mecab-dictionary", "--seed",  "--threads", "--stats"};

// "--tok" for "--tokenize": any beginning that only one of sacreBLEU's flags has, or else only one of the others.
inline std::string whole_name(const std::string& name, const std::vector<Flag>& flags) {
  std::vector<std::string> theirs{"--quiet", "--help", "--version"};
  theirs.insert(theirs.end(), std::begin(kBleuTestSetFlags), std::end(kBleuTestSetFlags));
  for (const Flag& f : flags) {
    const std::string whole = "--" + f.name.substr(f.name.find(',') + 1);
    if (!std::ranges::count(kBleuOwnFlags, whole) && !std::ranges::count(theirs, whole)) theirs.push_back(whole);
  }
  const std::vector<std::string> own(std::begin(kBleuOwnFlags), std::end(kBleuOwnFlags));
  for (const auto& among : {theirs, own}) {
    const auto fits = [&](const std::string& whole) { return whole.starts_with(name); };
    const auto count = std::ranges::count_if(among, fits);
    if (std::ranges::count(among, name) || name.size() < 3 || count > 1) return name;
    if (count == 1) return *std::ranges::find_if(among, fits);
  }
  return name;
}

inline std::vector<std::string> rewrite_bleu_flags(int argc, const char* const* argv, const std::vector<Flag>& flags) {
  std::vector<std::string> words{argv[0]};
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i], value;
    if (word == "--") {
      words.insert(words.end(), argv + i, argv + argc);
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      words.push_back(word);
      continue;
    }
    if (const auto equals = word.find('='); equals != std::string::npos) {
      value = word.substr(equals);
      word.resize(equals);
    }
    for (const auto& [name, whole] : kBleuShortNames)
      if (word == name) word = whole;
    for (const Flag& f : flags)
      if (word.size() == 2 && f.name.starts_with(word.substr(1) + ",")) word = "--" + f.name.substr(2);
    if (word.starts_with("--")) word = whole_name(word, flags);
    if (std::ranges::count(kBleuTestSetFlags, word)) {
      words.push_back("--test-set=" + word);
      continue;
    }
    for (const auto list : kBleuLists) {
      if (word != list || !value.empty()) continue;
      while (i + 1 < argc && (argv[i + 1][0] != '-' || argv[i + 1][1] == '\0'))
        value += (value.empty() ? '=' : kListSeparator) + std::string(argv[++i]);
    }
    words.push_back(word + value);
  }
  return words;
}

inline std::vector<std::string> list_values(const std::string& joined) {
  std::vector<std::string> values;
  for (std::size_t begin = 0; begin <= joined.size() && !joined.empty();) {
    const auto end = std::min(joined.find(kListSeparator, begin), joined.size());
    values.push_back(joined.substr(begin, end - begin));
    begin = end + 1;
  }
  return values;
}

}  // namespace storm
