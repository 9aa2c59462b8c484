#include "stream/tokens.h"

#include <cstring>
#include <limits>
#include <vector>

#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/stream/bytes.h"

using namespace storm;
using namespace storm::test;

namespace {

using Ids = std::vector<int32_t>;

std::string stream_of(const TokenInfo& info, const std::vector<Ids>& rows, bool flush_each = false) {
  return written([&](Output& output) {
    TokenWriter writer(output, info);
    for (const auto& ids : rows) {
      writer.add(ids);
      if (flush_each) writer.flush();
    }
    writer.finish();
  });
}

// A document of one column with these tensors.
Document column(const Ids& ids, const std::vector<int64_t>& offsets) {
  Document d;
  d.where = "x.st: byte 0";
  d.add<int32_t>("src.ids", ids);
  d.add<int64_t>("src.offsets", offsets);
  return d;
}

}  // namespace

TEST_CASE("rows read back as they were written, empty ones too, wherever documents end") {
  const TokenInfo info{{"src"}, {{kCommandKey, "test"}}, {{"vocab.src", "v"}}};
  const std::vector<Ids> rows{{1, 2, 3}, {}, {4}, {}};
  for (const bool flush_each : {false, true}) {
    const ScratchFile file(stream_of(info, rows, flush_each));
    TokenReader reader(file.path());
    CHECK(reader.info().columns == info.columns);
    CHECK(*reader.info().vocabulary("src") == "v");
    CHECK(reader.info().vocabulary("tgt") == nullptr);
    std::vector<Ids> got;
    int documents = 0;
    for (; const auto batch = reader.next(); ++documents)
      for (int64_t i = 0; i < batch->size(); ++i) {
        const auto ids = batch->column("src")[i];
        got.emplace_back(ids.begin(), ids.end());
      }
    CHECK(got == rows);
    CHECK(documents == (flush_each ? 4 : 1));
  }
}

TEST_CASE("a stream without rows is one document that says what it is") {
  const ScratchFile file(stream_of({{"src", "tgt"}, {}, {{"vocab", "v"}}}, {}));
  TokenReader reader(file.path());
  CHECK(reader.info().columns == std::vector<std::string>{"src", "tgt"});
  const auto batch = reader.next();
  REQUIRE(batch);
  CHECK(batch->size() == 0);
  CHECK_FALSE(reader.next());
}

TEST_CASE("a document ends at 64k tokens, and at as many rows") {
  const ScratchFile file(stream_of({{"src"}, {}, {}}, std::vector<Ids>(3000, Ids(50, 9))));
  const ScratchFile empties(stream_of({{"src"}, {}, {}}, std::vector<Ids>(70000)));
  for (const auto* f : {&file, &empties}) {
    TokenReader reader(f->path());
    int64_t documents = 0, rows = 0;
    for (; const auto batch = reader.next(); ++documents) {
      CHECK(static_cast<int64_t>(batch->columns[0].ids.size()) < kDocumentTokens + 50);
      CHECK(batch->size() <= kDocumentTokens);
      rows += batch->size();
    }
    CHECK(rows == (f == &file ? 3000 : 70000));
    CHECK(documents == (f == &file ? 3 : 2));
  }
}

TEST_CASE("scores, ranks and sentence numbers travel with their rows") {
  const ScratchFile file(written([](Output& output) {
    TokenWriter writer(output, {{"tgt"}, {}, {}});
    writer.add(Ids{1, 2}, {-0.5f, 0, 7});
    writer.add(Ids{}, {-1.5f, 1, 7});
    writer.finish();
  }));
  TokenReader reader(file.path());
  const auto batch = reader.next();
  REQUIRE(batch);
  CHECK(batch->scores[1] == -1.5f);
  CHECK(batch->ranks[1] == 1);
  CHECK(batch->sentences[0] == 7);
}

TEST_CASE("offsets that do not fit the ids are refused") {
  const auto refusal = [](const Document& d, std::vector<int64_t> limits = {}) {
    return error_of([&] { token_batch(d, {"src"}, limits); });
  };
  CHECK(refusal(column({1, 2}, {0, 1, 2})).empty());
  CHECK(refusal(column({1, 2}, {0, 1})) == "x.st: byte 0: src.offsets do not go from 0 to the 2 ids");
  CHECK(refusal(column({1, 2}, {1, 2})) == "x.st: byte 0: src.offsets do not go from 0 to the 2 ids");
  CHECK(refusal(column({}, {})) == "x.st: byte 0: src.offsets do not go from 0 to the 0 ids");
  CHECK(refusal(column({1, 2}, {0, 3, 1, 2})) == "x.st: byte 0: src.offsets fall after row 1");
  CHECK(refusal(column({1, -2}, {0, 2})) == "x.st: byte 0: src.ids: id -2 at token 1 is outside the vocabulary");
  CHECK(refusal(column({1, 9}, {0, 2}), {9}) == "x.st: byte 0: src.ids: id 9 at token 1 is outside the vocabulary");
  CHECK(refusal(column({1, 8}, {0, 2}), {9}).empty());

  auto uneven = column({1, 2}, {0, 1, 2});
  const std::vector<int64_t> one_row{0, 0};
  uneven.add<int32_t>("tgt.ids", {});
  uneven.add<int64_t>("tgt.offsets", one_row);
  CHECK(error_of([&] { token_batch(uneven, {"src", "tgt"}); }) == "x.st: byte 0: column tgt has 1 rows, src has 2");

  auto scored = column({1, 2}, {0, 1, 2});
  const std::vector<float> scores{1};
  scored.add<float>("scores", scores);
  CHECK(refusal(scored).find("tensor 'scores' has shape [1], not [2]") != std::string::npos);
}

TEST_CASE("numbers travel beside ids, and may stand alone, wherever documents end") {
  for (const bool flush_each : {false, true})
    for (const bool alone : {false, true}) {
      const TokenInfo info = alone ? TokenInfo{{"score"}, {}, {}, {"score"}}
                                   : TokenInfo{{"a", "score", "b"}, {}, {{"vocab", "v"}}, {"score"}};
      const std::vector<float> numbers{0.1f, -0.0f, 3.4e38f, 1e-45f};
      const Ids a{1, 2}, b{3};
      const ScratchFile file(written([&](Output& output) {
        TokenWriter writer(output, info);
        for (const float& x : numbers) {
          if (alone)
            writer.add(std::span<const std::span<const int32_t>>(), std::span(&x, 1));
          else
            writer.add(std::vector<std::span<const int32_t>>{a, b}, std::span(&x, 1));
          if (flush_each) writer.flush();
        }
        writer.finish();
      }));
      TokenReader reader(file.path());
      CHECK(reader.info().columns == info.columns);
      CHECK(reader.info().numbers == info.numbers);
      CHECK(reader.info().vocabulary("score") == nullptr);
      std::vector<float> got;
      while (const auto batch = reader.next()) {
        const auto values = batch->values("score");
        got.insert(got.end(), values.begin(), values.end());
        CHECK(batch->size() == static_cast<int64_t>(values.size()));
        CHECK(error_of([&] { batch->column("score"); }).ends_with("column 'score' holds numbers, not ids"));
        if (!alone) CHECK(batch->column("b").size() == batch->size());
        if (!alone) CHECK(error_of([&] { batch->values("b"); }).ends_with("column 'b' holds ids, not numbers"));
      }
      CHECK(std::as_bytes(std::span(got)).size() == std::as_bytes(std::span(numbers)).size());
      CHECK(std::memcmp(got.data(), numbers.data(), got.size() * sizeof(float)) == 0);
    }
}

TEST_CASE("a document of numbers ends at 64k rows") {
  const ScratchFile file(written([](Output& output) {
    TokenWriter writer(output, {{"score"}, {}, {}, {"score"}});
    const float x = 1;
    for (int i = 0; i < 70000; ++i) writer.add({}, std::span(&x, 1));
    writer.finish();
  }));
  TokenReader reader(file.path());
  CHECK(reader.next()->size() == kDocumentTokens);
  CHECK(reader.next()->size() == 70000 - kDocumentTokens);
}

TEST_CASE("numbers that are damaged are refused, with the row") {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  const auto refusal = [](const std::vector<float>& values) {
    auto d = column({1, 2}, {0, 1, 2});
    d.add<float>("score.values", values);
    return error_of([&] { token_batch(d, {"src", "score"}, {}, {"score"}); });
  };
  CHECK(refusal({1, 2}).empty());
  CHECK(refusal({1, kNan}) == "x.st: byte 0: score.values: row 1 is NaN, not a finite number");
  CHECK(refusal({-kInf, 1}) == "x.st: byte 0: score.values: row 0 is infinite, not a finite number");
  CHECK(refusal({1}) == "x.st: byte 0: column score has 1 rows, src has 2");
  CHECK(refusal({1, 2, 3}) == "x.st: byte 0: column score has 3 rows, src has 2");
  auto wide = column({1, 2}, {0, 1, 2});
  const std::vector<double> doubles{1, 2};
  wide.add<double>("score.values", doubles);
  CHECK(error_of([&] {
          token_batch(wide, {"src", "score"}, {}, {"score"});
        }) == "x.st: byte 0: tensor 'score.values' is F64, not F32");
  const std::vector<float> two{1, 2};
  auto matrix = column({1, 2}, {0, 1, 2});
  matrix.add("score.values", DType::F32, {2, 1}, std::as_bytes(std::span(two)));
  CHECK(error_of([&] {
          token_batch(matrix, {"src", "score"}, {}, {"score"});
        }).find("has shape [2, 1], not [-1]") != std::string::npos);
  CHECK(error_of([&] {
          token_batch(column({1}, {0, 1}), {"src", "score"}, {}, {"score"});
        }) == "x.st: byte 0: holds no tensor 'score.values'");

  written([&](Output& output) {
    TokenWriter writer(output, {{"score"}, {}, {}, {"score"}});
    for (const float& x : {kNan, kInf})
      CHECK(error_of([&] { writer.add({}, std::span(&x, 1)); }) == "row 0 of a stream: a number that is not finite");
    CHECK_THROWS_AS(writer.add(Ids{1}), Error);
    CHECK_THROWS_AS(writer.add(std::span<const std::span<const int32_t>>(), {}), Error);
    writer.finish();
  });
}

TEST_CASE("ids do not follow numbers under the same name, in whichever order") {
  const float x = 1;
  const auto numbers = written([&](Output& output) {
    TokenWriter writer(output, {{"src"}, {}, {}, {"src"}});
    writer.add({}, std::span(&x, 1));
    writer.finish();
  });
  const auto ids = stream_of({{"src"}, {}, {}}, {{1}});
  for (const auto& bytes : {numbers + ids, ids + numbers}) {
    const ScratchFile file(bytes);
    TokenReader reader(file.path());
    REQUIRE(reader.next());
    CHECK(error_of([&] { reader.next(); }).find("the columns src hold numbers where they held ids, or") !=
          std::string::npos);
  }
}

TEST_CASE("streams laid end to end are one stream when they agree, and an error when they do not") {
  const auto read = [](const std::string& bytes) {
    const ScratchFile file(bytes);
    TokenReader reader(file.path());
    int64_t rows = 0;
    while (const auto batch = reader.next()) rows += batch->size();
    return rows;
  };
  const TokenInfo info{{"src"}, {}, {{"vocab", "v"}}}, other{{"src"}, {}, {{"vocab", "w"}}}, third{{"tgt"}, {}, {}};
  const auto a = stream_of(info, {{1}}), b = stream_of(other, {{1}}), c = stream_of(third, {{1}});
  CHECK(read(a + a) == 2);
  CHECK(error_of([&] { read(a + b); }).find("differs from the one that the stream began with") != std::string::npos);
  CHECK(error_of([&] { read(a + c); }).find("columns tgt follow columns src") != std::string::npos);
}

TEST_CASE("sentences are numbered through streams laid end to end, wherever documents end") {
  // Two hypotheses of each of three sentences, or a score of each sentence's one.
  const auto translated = [](bool nbest, bool flush_each) {
    return written([&](Output& output) {
      TokenWriter writer(output, {{"tgt"}, {}, {}});
      for (const int64_t sentence : {0, 1, 2}) {
        if (nbest) writer.add(Ids{1}, {-1.0f, 0, sentence});
        if (nbest) writer.add(Ids{2}, {-2.0f, 1, sentence});
        if (!nbest) writer.add(Ids{3}, {-3.0f, {}, {}});
        if (flush_each) writer.flush();
      }
      writer.finish();
    });
  };
  const auto numbers = [](const std::string& bytes) {
    const ScratchFile file(bytes);
    TokenReader reader(file.path());
    std::vector<int64_t> got;
    while (const auto batch = reader.next())
      for (int64_t i = 0; i < batch->size(); ++i) got.push_back(batch->sentence(i));
    CHECK(reader.sentences() == (got.empty() ? 0 : got.back() + 1));
    return got;
  };
  const auto none = written([](Output& output) { TokenWriter(output, {{"tgt"}, {}, {}}).finish(); });
  for (const bool flush_each : {false, true}) {
    const auto a = translated(true, flush_each), b = translated(false, flush_each);
    CHECK(numbers(a + none + a) == std::vector<int64_t>{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
    CHECK(numbers(a + b + a) == std::vector<int64_t>{0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 6, 7, 7, 8, 8});
    CHECK(numbers(b + b) == std::vector<int64_t>{0, 1, 2, 3, 4, 5});
  }
}

TEST_CASE("numbers that no sentence has are refused") {
  const auto refusal = [](const std::vector<int64_t>& sentences) {
    auto d = column({1, 2}, {0, 1, 2});
    d.metadata = {{kKindKey, kTokensKind}, {kVersionKey, kStreamVersion}, {kColumnsKey, "src"}};
    d.add<int64_t>("sentences", sentences);
    const ScratchFile file(document_bytes(d) + document_bytes(d));
    TokenReader reader(file.path());
    return error_of([&] {
      while (reader.next()) continue;
    });
  };
  CHECK(refusal({0, 1}).empty());
  CHECK(refusal({0, -1}).ends_with(": byte 0: sentences: -1 numbers no sentence"));
  CHECK(refusal({0, INT64_MAX}).ends_with(": byte 0: sentences: 9223372036854775807 is too large a number"));
  CHECK(refusal({0, INT64_MAX / 2 + 1}).ends_with(": sentences: 4611686018427387904 is too large a number"));
}

TEST_CASE("a writer that fails leaves a stream that its reader refuses") {
  const ScratchFile file(written([](Output& output) {
    TokenWriter writer(output, {{"src"}, {}, {}});
    writer.add(Ids{1});
    writer.flush();
    writer.add(Ids{2});
  }));
  TokenReader reader(file.path());
  REQUIRE(reader.next());
  CHECK(error_of([&] { reader.next(); }).find("truncated") != std::string::npos);
}

TEST_CASE("what is no token stream, or a later version's, is refused") {
  Document d;
  d.metadata = {{kKindKey, "model"}};
  d.where = "m.st: byte 0";
  CHECK(error_of([&] { token_info(d); }) == "m.st: byte 0: holds 'model', not 'tokens'");
  d.metadata = {{kKindKey, "tokens"}, {kVersionKey, "9"}, {kColumnsKey, "src"}};
  CHECK(error_of([&] { token_info(d); }) == "m.st: byte 0: stream version 9, this program reads version 1");
  d.metadata[kVersionKey] = "1";
  CHECK(token_info(d).columns == std::vector<std::string>{"src"});
  for (const char* bad : {"", "src,", "src,src"}) {
    d.metadata[kColumnsKey] = bad;
    CHECK(error_of([&] { token_info(d); }).find("bad storm.columns") != std::string::npos);
  }
}

TEST_CASE("fingerprints are the published FNV-1a, and differing vocabularies are named by them") {
  CHECK(fingerprint("") == "cbf29ce484222325");
  CHECK(fingerprint("a") == "af63dc4c8601ec8c");
  CHECK(fingerprint("foobar") == "85944171f73967e8");
  require_same_vocabulary("model.st", "a", "a");
  CHECK(
      error_of([] { require_same_vocabulary("model.st", "a", "foobar"); }) ==
      "model.st: vocabulary differs from the input's (af63dc4c8601ec8c ≠ 85944171f73967e8); tokenize with -m model.st");
}

TEST_CASE("byte ranges that leave their line, or do not fit the ids or the lines, are refused") {
  const auto refusal = [](const Ids& begins, const Ids& ends, const std::vector<int64_t>& lines) {
    Document d = column({1, 2}, {0, 1, 2});
    d.add<int32_t>("src.begins", begins);
    d.add<int32_t>("src.ends", ends);
    d.add<char>("src.text", std::string_view("oneto"));
    d.add<int64_t>("src.text.offsets", lines);
    return error_of([&] {
      const auto batch = token_batch(d, {"src"});
      CHECK(batch.columns[0].line(0) == "one");
      CHECK(batch.columns[0].line(1) == "to");
    });
  };
  CHECK(refusal({0, 1}, {3, 2}, {0, 3, 5}).empty());
  CHECK(refusal({0, 1}, {3, 3}, {0, 3, 5}) ==
        "x.st: byte 0: src.begins and .ends: token 1 stands at bytes 1 to 3 of a line of 2");
  CHECK(refusal({-1, 1}, {3, 2}, {0, 3, 5}).find("token 0 stands at bytes -1 to 3") != std::string::npos);
  CHECK(refusal({2, 1}, {1, 2}, {0, 3, 5}).find("token 0 stands at bytes 2 to 1") != std::string::npos);
  CHECK(refusal({0, 1}, {3, 2}, {0, 3, 4}) == "x.st: byte 0: src.text.offsets do not go from 0 to the 5 bytes");
  CHECK(refusal({0, 1}, {3, 2}, {0, 6, 5}).find("fall after row 1") != std::string::npos);
  CHECK_FALSE(refusal({0}, {3, 2}, {0, 3, 5}).empty());
  CHECK_FALSE(refusal({0, 1}, {3, 2}, {0, 5}).empty());
}
