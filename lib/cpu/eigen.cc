#include "cpu/eigen.h"

#include <cblas.h>
#include <dlfcn.h>

#include <algorithm>

#include "base/address_space.h"
#include "base/error.h"
#include "base/parallel.h"

// LAPACK's, which OpenBLAS carries: https://netlib.org/lapack, dsyevr; column-major. The last four: lengths of the
// texts.
extern "C" void dsyevr_(const char* jobz, const char* range, const char* uplo, const int* n, double* a, const int* lda,
                        const double* vl, const double* vu, const int* il, const int* iu, const double* abstol, int* m,
                        double* w, double* z, const int* ldz, int* isuppz, double* work, const int* lwork, int* iwork,
                        const int* liwork, int* info, std::size_t, std::size_t, std::size_t);

// The same library's dgesdd: a = u diag(s) vt.
extern "C" void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
                        const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork,
                        int* info, std::size_t);

namespace storm {

namespace {

struct OpenBlas {
  decltype(&cblas_dsyrk) dsyrk;
  decltype(&cblas_dgemm) dgemm;
  decltype(&dsyevr_) dsyevr;
  decltype(&dgesdd_) dgesdd;
};

// Opened when it is first needed, which few runs come to. Where OpenBLAS cannot map its buffers of 128 MiB, one for
// each thread, it tries for ever, and it does so before main if a program is linked with it.
const OpenBlas& openblas() {
  static const OpenBlas functions = [] {
    constexpr std::size_t kLibrary = 64 << 20, kBuffer = 128 << 20;
    require_address_space(kLibrary + kBuffer * (2 + static_cast<std::size_t>(thread_count())));
    void* library = ::dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    require(library, "eigenvectors and rotations are OpenBLAS's: ", library ? "" : ::dlerror(),
            "; install libopenblas0-openmp");
    const auto symbol = [&](const char* name) {
      void* at = ::dlsym(library, name);
      require(at, "eigenvectors and rotations are OpenBLAS's: ", at ? "" : ::dlerror());
      return at;
    };
    return OpenBlas{reinterpret_cast<decltype(OpenBlas::dsyrk)>(symbol("cblas_dsyrk")),
                    reinterpret_cast<decltype(OpenBlas::dgemm)>(symbol("cblas_dgemm")),
                    reinterpret_cast<decltype(OpenBlas::dsyevr)>(symbol("dsyevr_")),
                    reinterpret_cast<decltype(OpenBlas::dgesdd)>(symbol("dgesdd_"))};
  }();
  return functions;
}

}  // namespace

EigenPairs gram_eigen(std::span<const double> x, int64_t n, int64_t count) {
  require(n > 0 && n <= 1 << 14 && count >= 0 && count <= n, "eigenvectors of a ", n, " x ", n, " matrix, ", count);
  if (count == 0) return {};
  const int size = static_cast<int>(n), rows = static_cast<int>(x.size() / static_cast<std::size_t>(n));
  const auto most = static_cast<std::size_t>(n);
  std::vector<double> gram(most * most), values(most), vectors(most * static_cast<std::size_t>(count));
  // The upper triangle by rows is the lower one by columns.
  openblas().dsyrk(CblasRowMajor, CblasUpper, CblasTrans, size, rows, 1, x.data(), size, 0, gram.data(), size);
  const int from = size - static_cast<int>(count) + 1;
  const double none = 0;
  std::vector<int> support(2 * most), whole(10 * most);
  std::vector<double> work(26 * most);
  const int work_size = static_cast<int>(work.size()), whole_size = static_cast<int>(whole.size());
  int found = 0, info = 0;
  openblas().dsyevr("V", "I", "L", &size, gram.data(), &size, &none, &none, &from, &size, &none, &found, values.data(),
                    vectors.data(), &size, support.data(), work.data(), &work_size, whole.data(), &whole_size, &info, 1,
                    1, 1);
  require(info == 0 && found == count, "LAPACK's dsyevr failed (", info, ")");
  EigenPairs pairs;
  for (std::size_t i = static_cast<std::size_t>(count); i-- > 0;) {  // they rise
    pairs.values.push_back(values[i]);
    const auto at = vectors.begin() + static_cast<std::ptrdiff_t>(i * most);
    pairs.vectors.insert(pairs.vectors.end(), at, at + size);
  }
  return pairs;
}

std::vector<double> orthogonal_map(std::span<const double> x, std::span<const double> y, int64_t n) {
  require(n > 0 && n <= 1 << 14 && x.size() == y.size(), "a rotation of ", x.size(), " numbers into ", y.size(),
          " of rows of ", n);
  const int size = static_cast<int>(n), rows = static_cast<int>(x.size() / static_cast<std::size_t>(n));
  const auto most = static_cast<std::size_t>(n);
  std::vector<double> product(most * most), singular(most), u(most * most), vt(most * most), map(most * most);
  openblas().dgemm(CblasColMajor, CblasNoTrans, CblasTrans, size, size, rows, 1, x.data(), size, y.data(), size, 0,
                   product.data(), size);  // rows are columns there: x^T y by columns
  std::vector<int> whole(8 * most);
  int info = 0, work_size = -1;
  double wanted = 0;
  const auto decompose = [&](double* work) {
    openblas().dgesdd("A", &size, &size, product.data(), &size, singular.data(), u.data(), &size, vt.data(), &size,
                      work, &work_size, whole.data(), &info, 1);
    require(info == 0, "LAPACK's dgesdd failed (", info, ")");
  };
  decompose(&wanted);  // asks how much memory it wants
  work_size = static_cast<int>(wanted);
  std::vector<double> work(static_cast<std::size_t>(work_size));
  decompose(work.data());
  // (u vt)^T by columns is u vt by rows.
  openblas().dgemm(CblasColMajor, CblasTrans, CblasTrans, size, size, size, 1, vt.data(), size, u.data(), size, 0,
                   map.data(), size);
  return map;
}

}  // namespace storm
