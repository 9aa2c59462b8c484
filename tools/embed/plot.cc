// A map of vectors.
#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "inspect/pca.h"
#include "pictures/scatter_plot.h"
#include "tools/embed/modes.h"

namespace storm {
namespace {

// points: [texts, 2]
void draw(const Pca& found, const std::vector<std::string>& texts, const std::string& title, const std::string& path,
          Output& picture) {
  const auto width = found.explained.size();
  ScatterPlot plot{.title = title, .labels = texts, .points = {}};
  for (std::size_t i = 0; i < texts.size(); ++i)
    plot.points.push_back(
        {static_cast<float>(found.points[i * width]), static_cast<float>(width > 1 ? found.points[i * width + 1] : 0)});
  for (std::size_t i = 0; i < std::min<std::size_t>(width, 2); ++i) plot.variance_shares[i] = found.explained[i];
  if (path.ends_with(".svg")) picture.write(scatter_svg(plot));
  if (path.ends_with(".html")) picture.write(scatter_page(plot));
  if (path.ends_with(".tsv")) {
    picture.write("x\ty\ttext\n");
    for (std::size_t i = 0; i < texts.size(); ++i)
      picture.write(str(fixed(plot.points[i][0], 6), '\t', fixed(plot.points[i][1], 6), '\t', texts[i], '\n'));
  }
  picture.commit();
}

}  // namespace

void write_plot(Space& space, const Args& args, Output&) {
  Output picture(args.text("plot"));  // now, not after the work, is when to find that it cannot be written
  constexpr std::size_t kMostPoints = 20000;
  std::vector<float> vectors;
  std::vector<std::string> texts;
  const auto each = [&](const TextVectors& v, int64_t) {
    for (std::size_t i = 0; i < v.texts.size(); ++i) {
      if (v.texts[i].empty() && space.flags().options.level == Level::line) continue;  // an empty line is no point
      require(texts.size() < kMostPoints, "--plot: more than ", kMostPoints, " points; give fewer lines");
      texts.push_back(field(v.texts[i]));
      vectors.insert(vectors.end(), v.row(i).begin(), v.row(i).end());
    }
  };
  space.each_batch(each, [] {});
  require(texts.size() >= 2, "--plot: ", texts.size(), " points make no picture; give two lines at least");
  const auto found = pca(vectors, space.width(), 2);
  note("components: ", fixed(100 * found.explained[0], 1), " % and ",
       fixed(found.explained.size() > 1 ? 100 * found.explained[1] : 0, 1), " % of the variance");
  draw(found, texts, str(space.name(), ", layer ", space.metadata()["embeddings.layer"]), args.text("plot"), picture);
}

}  // namespace storm
