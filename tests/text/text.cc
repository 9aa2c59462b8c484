#include <cstdio>
#include <thread>
#include <vector>

#include "base/error.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/stream/bytes.h"
#include "text/learn.h"
#include "text/lines.h"
#include "text/rows.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

using namespace storm;
using namespace storm::test;

namespace {

// Some sentences of a small language, the same ones always.
std::vector<std::string> corpus() {
  const char* subjects[] = {"the old dog", "a small cat", "one grey bird", "the child", "my grandmother", "Jürgen"};
  const char* verbs[] = {"sees", "follows", "does not like", "sings to", "waits for"};
  std::vector<std::string> lines;
  for (const auto* s : subjects)
    for (const auto* v : verbs)
      for (const auto* o : subjects) lines.push_back(str(s, " ", v, " ", o, "."));
  return lines;
}

std::string learned(LearnOptions options, const std::vector<std::string>& lines = corpus()) {
  std::size_t at = 0;
  const auto next = [&](std::string& line) {
    if (at == lines.size()) return false;
    line = lines[at++];
    return true;
  };
  return learn_vocabulary(next, options);
}

LearnOptions small() {
  LearnOptions options;
  options.vocab_size = 330;
  return options;
}

const Vocabulary& vocabulary() {
  static const auto v = Vocabulary::from_bytes(learned(small()));
  return v;
}

const Vocabulary& exact_vocabulary() {  // text as it is
  static const auto v = [] {
    auto options = small();
    options.normalize = false;
    return Vocabulary::from_bytes(learned(options));
  }();
  return v;
}

std::vector<std::string> lines_of(const std::vector<std::string>& paths) {
  LineReader reader(paths);
  std::vector<std::string> lines;
  for (LineBlock block; reader.next(block, false);)
    for (int64_t i = 0; i < block.size(); ++i) lines.emplace_back(block[i]);
  return lines;
}

}  // namespace

TEST_CASE("a learned vocabulary has the size asked for, and pad 0, unk 1, bos 2, eos 3") {
  const auto& v = vocabulary();
  CHECK(v.size() == 330);
  CHECK(v.pad_id() == 0);
  CHECK(v.unk_id() == 1);
  CHECK(v.bos_id() == 2);
  CHECK(v.eos_id() == 3);
  CHECK(v.piece(4) == "<0x00>");
  CHECK_THROWS_AS(v.piece(330), Error);
  CHECK_THROWS_AS(v.piece(-1), Error);
}

TEST_CASE("the same lines and options give the same vocabulary, byte for byte, sampled or not") {
  CHECK(learned(small()) == vocabulary().bytes());
  auto sampled = small();
  sampled.sentences = 100;
  sampled.vocab_size = 310;
  const auto first = learned(sampled);
  CHECK(learned(sampled) == first);
  sampled.seed = 2;
  CHECK(learned(sampled) != first);
  auto all = small();
  all.sentences = 1000;
  CHECK(learned(all) == vocabulary().bytes());
}

TEST_CASE("every type of vocabulary can be learned, and brings its text back") {
  for (const char* type : {"bpe", "unigram", "char", "word"}) {
    auto options = small();
    options.type = type;
    options.vocab_size = type == std::string("word") ? 275 : type == std::string("char") ? 288 : 300;
    options.character_coverage = 1;
    const auto v = Vocabulary::from_bytes(learned(options));
    for (const auto& line : corpus()) REQUIRE(v.decode(v.encode(line)) == line);
  }
}

TEST_CASE("user-defined symbols stay one piece, commas and quotes included") {
  auto options = small();
  options.symbols = {"<a>", "x,\"y"};
  const auto v = Vocabulary::from_bytes(learned(options));
  const auto pieces = v.encode_pieces("dog<a>cat x,\"y");
  CHECK(std::count(pieces.begin(), pieces.end(), "<a>") == 1);
  CHECK(std::count(pieces.begin(), pieces.end(), "x,\"y") == 1);
}

TEST_CASE("learning that cannot work is an error of one line that says what to change") {
  auto options = small();
  options.vocab_size = 30000;
  const auto message = error_of([&] { learned(options); });
  CHECK(message.find("Vocabulary size too high (30000)") != std::string::npos);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find(".cc(") == std::string::npos);
  CHECK_THROWS_AS(learned(small(), {}), Error);
  options.vocab_size = 8;
  CHECK_THROWS_AS(learned(options), Error);
}

TEST_CASE("with byte fallback any text survives; without, what is unknown becomes unk") {
  const std::string text = "dog 日本語 \U0001F600 Ωmega";
  const auto& v = vocabulary();
  CHECK(v.decode(v.encode(text)) == text);
  auto options = small();
  options.byte_fallback = false;
  options.vocab_size = 80;
  const auto plain = Vocabulary::from_bytes(learned(options));
  const auto ids = plain.encode(text);
  CHECK(std::count(ids.begin(), ids.end(), plain.unk_id()) > 0);
}

TEST_CASE("without normalisation text comes back exactly, white space and all") {
  const auto& v = exact_vocabulary();
  for (const char* text :
       {"two  spaces", " one before", "   three before", "after ", "  ", " ", "tab\there", "ﬁ ligature Å", "a\u00a0b",
        "zero\u200bwidth", "line\u2028separator", "e\u0301 combining", "\x01\x7f", ""})
    CHECK(v.decode(v.encode(text)) == text);
}

TEST_CASE("normalisation does what its documentation says") {
  const auto& v = vocabulary();
  CHECK(v.decode(v.encode("  two   spaces ")) == "two spaces");
  CHECK(v.decode(v.encode("ﬁ Å")) == "fi Å");
  CHECK(v.decode(v.encode("a\tb")) == "a b");
}

TEST_CASE("control symbols decode to nothing, and ids out of range are errors") {
  const auto& v = vocabulary();
  auto ids = v.encode("the old dog");
  ids.push_back(v.eos_id());
  ids.insert(ids.begin(), v.bos_id());
  ids.push_back(v.pad_id());
  CHECK(v.decode(ids) == "the old dog");
  CHECK(v.decode({}).empty());
  for (const int32_t bad : {-1, v.size()}) CHECK_THROWS_AS(v.decode(std::vector<int32_t>{bad}), Error);
}

TEST_CASE("a vocabulary loads from its own file and from any stream that carries it") {
  const auto& v = vocabulary();
  const auto& w = exact_vocabulary();
  const ScratchFile model(v.bytes());
  CHECK(Vocabulary::load(model.path()) == v);
  CHECK(Vocabulary::load(model.path(), "tgt") == v);

  Document shared, split;
  shared.metadata[kKindKey] = "model";
  shared.add<char>("vocab", v.bytes());
  split.add<char>("vocab.src", v.bytes());
  split.add<char>("vocab.tgt", w.bytes());
  const ScratchFile shared_file(document_bytes(shared)), split_file(document_bytes(split));
  CHECK(Vocabulary::load(shared_file.path()) == v);
  CHECK(Vocabulary::load(shared_file.path(), "src") == v);
  CHECK(Vocabulary::load(split_file.path(), "src") == v);
  CHECK(Vocabulary::load(split_file.path(), "tgt") == w);
  CHECK(error_of([&] { Vocabulary::load(split_file.path()); }).find("name one") != std::string::npos);
  CHECK(error_of([&] { Vocabulary::load(split_file.path(), "x"); }).find("for column 'x'") != std::string::npos);
  CHECK(v.fingerprint() != w.fingerprint());

  const ScratchFile none(document_bytes({})), text("just some text\n"), empty, cut(v.bytes().substr(0, 100));
  for (const auto* bad : {&none, &text, &empty, &cut}) CHECK_THROWS_AS(Vocabulary::load(bad->path()), Error);
  CHECK_THROWS_AS(Vocabulary::load("/nonexistent/model"), Error);
}

TEST_CASE("one vocabulary serves many threads") {
  const auto& v = vocabulary();
  const auto lines = corpus();
  std::vector<std::vector<int32_t>> wanted;
  for (const auto& line : lines) wanted.push_back(v.encode(line));
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (auto& count : wrong)
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < lines.size(); ++i) count += v.encode(lines[i]) != wanted[i];
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == std::vector<int>(4));
}

TEST_CASE("UTF-8 is valid exactly where RFC 3629 says so") {
  for (const char* valid : {"", "plain", "ä", "€", "\U0001F600", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"})
    CHECK(valid_utf8_prefix(valid) == std::string_view(valid).size());
  CHECK(valid_utf8_prefix(std::string_view("a\0b", 3)) == 3);
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xc3", "\xf0\x9f\x98"}) {
    CHECK(valid_utf8_prefix(bad) == 0);
    const auto shifted = std::string("twelve chars") + bad + " and more";
    CHECK(valid_utf8_prefix(shifted) == 12);
    CHECK(valid_utf8_prefix(replace_invalid_utf8(shifted)) == replace_invalid_utf8(shifted).size());
  }
  CHECK(replace_invalid_utf8("a\xff\xc3z\xe2\x82") == "a\uFFFD\uFFFDz\uFFFD\uFFFD");
}

TEST_CASE("lines end with LF or CRLF and with nothing else") {
  const ScratchFile a("one\r\ntwo\n\nU+2028:\u2028 VT:\v FF:\f NEL:\u0085 CR:\r in\nlast"), empty, b("\nx\n");
  CHECK(lines_of({a.path(), empty.path(), b.path()}) ==
        std::vector<std::string>{"one", "two", "", "U+2028:\u2028 VT:\v FF:\f NEL:\u0085 CR:\r in", "last", "", "x"});
}

TEST_CASE("a block's lines are of one file, and know their place there") {
  const ScratchFile a("1\n2\n"), b("3\n");
  LineReader reader({a.path(), b.path()});
  LineBlock block;
  REQUIRE(reader.next(block, false));
  CHECK(block.size() == 2);
  CHECK(block.where(1) == a.path() + ": line 2");
  REQUIRE(reader.next(block, false));
  CHECK(block.where(0) == b.path() + ": line 1");
  CHECK_FALSE(reader.next(block, false));
}

TEST_CASE("a line above 16 MiB is an error, one of just that length is not") {
  const ScratchFile fits(std::string(kMaxLineBytes, 'x') + "\ny\n"),
      longer("y\n" + std::string(kMaxLineBytes + 1, 'x'));
  CHECK(lines_of({fits.path()}).size() == 2);
  CHECK(error_of([&] { lines_of({longer.path()}); }) ==
        longer.path() + ": line 2: longer than 16777216 bytes; split it");
}

TEST_CASE("rows come in the order of their lines, whatever the threads do") {
  const auto& v = vocabulary();
  std::string text;
  const auto lines = corpus();
  for (int round = 0; round < 20; ++round)
    for (const auto& line : lines) text += line + "\n";
  const ScratchFile file(text);
  RowEncoder encoder({{"src"}, {v}});
  const ScratchFile out(written([&](Output& output) {
    TokenWriter writer(output, {{"src"}, {}, {}});
    LineReader reader({file.path()});
    for (LineBlock block; reader.next(block, false);) encoder.write(block, writer);
    writer.finish();
  }));
  TokenReader reader(out.path());
  std::size_t row = 0;
  while (const auto batch = reader.next())
    for (int64_t i = 0; i < batch->size(); ++i, ++row) {
      const auto ids = batch->columns[0][i];
      REQUIRE(std::vector<int32_t>(ids.begin(), ids.end()) == v.encode(lines[row % lines.size()]));
    }
  CHECK(row == 20 * lines.size());
  CHECK(encoder.counts().lines == static_cast<int64_t>(row));
}

TEST_CASE("decode's rows are printed as i ||| text ||| score, and a line end inside a text breaks no line") {
  const auto& v = vocabulary();
  auto broken = v.encode("the old dog");
  broken.push_back(4 + '\n');  // the byte piece <0x0A>
  const auto print = [&](bool nbest, bool scored) {
    const ScratchFile file(written([&](Output& output) {
      TokenWriter writer(output, {{"tgt"}, {}, {}});
      for (const int32_t rank : {0, 1}) {
        TokenWriter::Extras extras;
        if (scored) extras.score = -0.25f - static_cast<float>(rank);
        if (nbest) extras.rank = rank;
        if (nbest) extras.sentence = 7;
        writer.add(broken, extras);
      }
      writer.finish();
    }));
    TokenReader reader(file.path());
    reader.number_from(40);
    const auto batch = reader.next();
    REQUIRE(batch);
    const std::optional<Vocabulary> all[] = {v};
    return written([&](Output& output) { write_text(*batch, all, "", output); });
  };
  CHECK(print(false, false) == "the old dog \nthe old dog \n");
  CHECK(print(false, true) == "40 ||| the old dog  ||| -0.250000\n41 ||| the old dog  ||| -1.250000\n");
  CHECK(print(true, true) == "47 ||| the old dog  ||| -0.250000\n47 ||| the old dog  ||| -1.250000\n");
}

TEST_CASE("a piece is found by its name, and what is no piece is not") {
  const auto& v = vocabulary();
  for (const int32_t id : {v.unk_id(), v.eos_id(), 4, v.size() - 1}) CHECK(v.id_of(v.piece(id)) == id);
  CHECK(v.id_of("no such piece") == -1);
  const auto list = Vocabulary::from_bytes("storm.words 1\n<pad>\n<unk>\n<s>\n</s>\nred\n");
  CHECK(list.id_of("red") == 4);
  CHECK(list.id_of("</s>") == 3);
  CHECK(list.id_of("blue") == -1);
}

TEST_CASE("byte ranges cut a line into its pieces' own bytes, through normalisation, too") {
  std::vector<int32_t> ids;
  std::vector<ByteRange> ranges;
  for (const std::string line : {"the old dog sees Jürgen.", "日本 & é 😀x", ""}) {
    exact_vocabulary().encode(line, ids, &ranges);
    CHECK(ids == exact_vocabulary().encode(line));
    REQUIRE(ranges.size() == ids.size());
    int32_t at = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CHECK(ranges[i].begin == at);
      at = ranges[i].end;
      const std::string own = line.substr(static_cast<std::size_t>(ranges[i].begin),
                                          static_cast<std::size_t>(ranges[i].end - ranges[i].begin));
      const std::string& piece = exact_vocabulary().piece(ids[i]);
      if (own.size() == 1 && piece.starts_with("<0x"))
        CHECK(std::stoi(piece.substr(1), nullptr, 16) == static_cast<unsigned char>(own[0]));
    }
    CHECK(at == static_cast<int32_t>(line.size()));
  }
  vocabulary().encode("\xef\xac\x81x", ids, &ranges);  // the ligature fi, which becomes two letters
  for (const ByteRange& range : ranges) CHECK((range.end - range.begin <= 3 || range == ByteRange{0, 4}));
  CHECK(ranges.back().end == 4);
}
