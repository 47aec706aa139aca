#include <cmath>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/store/results.hpp>

#include "hdf5_handle.hpp"
#include "netcdf_writer.hpp"
#include "results_format.hpp"

namespace wisk::store {
namespace {

constexpr std::size_t kMostElements = std::size_t{1}
                                      << 28;  // of a table; a lying header must not exhaust the memory

/// Reads an untrusted HDF5 file. Every call throws InputError naming file and variable.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : path_(file) {
    (void)open_for_reading(file);  // a missing file or a folder says so
    if (H5Fis_hdf5(file.c_str()) <= 0)
      throw InputError(file.string(), "results.h5 of a wisk run", "no HDF5 file");
    const Handle access = file_access();
    file_ = Handle(H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
    if (!file_.valid()) throw InputError(file.string(), "results.h5 of a wisk run", reason_of_failure());
  }

  /// Values of a numeric variable whose shape must be `shape`.
  template <class T>
  std::vector<T> values(const char* name, const std::vector<std::size_t>& shape) const {
    const Handle dataset = open(name);
    check_class(dataset, name, std::is_floating_point_v<T> ? H5T_FLOAT : H5T_INTEGER);
    const auto found = shape_of(dataset, name);
    if (found != shape) throw error(name, "shape " + in_words(shape), "shape " + in_words(found));
    std::size_t size = 1;
    for (const std::size_t extent : shape) size *= extent;
    if (size > kMostElements) throw error(name, "a smaller table", "shape " + in_words(shape));
    std::vector<T> result(size);
    if (size > 0) read(dataset, name, number_type<T>(), result.data());
    return result;
  }

  /// Values of a one-dimensional variable of any length.
  template <class T>
  std::vector<T> list(const char* name) const {
    const auto found = shape_of(open(name), name);
    if (found.size() != 1) throw error(name, "one dimension", "shape " + in_words(found));
    return values<T>(name, found);
  }

  std::vector<std::string> texts(const char* name) const {
    const Handle dataset = open(name);
    const auto shape = shape_of(dataset, name);
    if (shape.size() != 1) throw error(name, "one dimension", "shape " + in_words(shape));
    if (shape[0] > kMostElements) throw error(name, "a smaller table", "shape " + in_words(shape));
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    if (H5Tis_variable_str(type.get()) <= 0) throw error(name, "variable-length texts", "another type");
    std::vector<char*> pointers(shape[0]);
    if (!pointers.empty()) read(dataset, name, type.get(), pointers.data());
    return copied(pointers, dataset, type);
  }

  /// A text attribute of the root, "" when it is absent.
  std::string text_attribute(const char* name) const {
    const auto all = text_list_attribute(name);
    return all.empty() ? "" : all.front();
  }

  std::vector<std::string> text_list_attribute(const char* name) const {
    if (H5Aexists(file_.get(), name) <= 0) return {};
    const Handle attribute(H5Aopen(file_.get(), name, H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const Handle space(H5Aget_space(attribute.get()), H5Sclose);
    const hssize_t count = H5Sget_simple_extent_npoints(space.get());
    if (H5Tget_class(type.get()) != H5T_STRING || count < 0 || count > (1 << 20)) {
      throw error(name, "an attribute of texts", "something else");
    }
    if (H5Tis_variable_str(type.get()) > 0) {
      std::vector<char*> pointers(static_cast<std::size_t>(count));
      if (count > 0 && H5Aread(attribute.get(), type.get(), pointers.data()) < 0) {
        throw error(name, "a readable attribute", reason_of_failure());
      }
      return copied(pointers, attribute, type, &space);
    }
    std::string text(H5Tget_size(type.get()), '\0');
    if (count != 1 || H5Aread(attribute.get(), type.get(), text.data()) < 0) {
      throw error(name, "a readable text", "something else");
    }
    return {text.substr(0, text.find('\0'))};
  }

  template <class T>
  T number_attribute(const char* name) const {
    if (H5Aexists(file_.get(), name) <= 0) throw error(name, "an attribute of a wisk run", "none");
    const Handle attribute(H5Aopen(file_.get(), name, H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const Handle space(H5Aget_space(attribute.get()), H5Sclose);
    T value = 0;
    if (H5Tget_class(type.get()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.get()) != 1 ||
        H5Aread(attribute.get(), number_type<T>(), &value) < 0) {
      throw error(name, "an integer", "something else");
    }
    return value;
  }

  [[nodiscard]] InputError error(const std::string& name, std::string expected, std::string found) const {
    return InputError(path_.string() + ", " + name, std::move(expected), std::move(found));
  }

 private:
  static std::string in_words(const std::vector<std::size_t>& shape) {
    std::string words;
    for (const std::size_t extent : shape) words += (words.empty() ? "" : " x ") + std::to_string(extent);
    return words.empty() ? "()" : words;
  }

  /// The dataset, which must be in this very file: no link, no external storage that would open others.
  Handle open(const char* name) const {
    H5L_info_t link{};
    if (H5Lget_info(file_.get(), name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) {
      throw error(name, "a variable of a wisk run", "none");
    }
    Handle dataset(H5Dopen2(file_.get(), name, H5P_DEFAULT), H5Dclose);
    if (!dataset.valid()) throw error(name, "a variable", reason_of_failure());
    const Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
    if (H5Pget_external_count(creation.get()) != 0 || H5Pget_layout(creation.get()) == H5D_VIRTUAL) {
      throw error(name, "values in the file itself", "values in another file");
    }
    return dataset;
  }

  std::vector<std::size_t> shape_of(const Handle& dataset, const char* name) const {
    const Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank < 0 || rank > 2) throw error(name, "at most two dimensions", std::to_string(rank));
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
    return {extents.begin(), extents.end()};
  }

  void check_class(const Handle& dataset, const char* name, H5T_class_t expected) const {
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    if (H5Tget_class(type.get()) != expected) {
      throw error(name, expected == H5T_FLOAT ? "floating-point values" : "integers", "another type");
    }
  }

  void read(const Handle& dataset, const char* name, hid_t type, void* to) const {
    if (H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) < 0) {
      throw error(name, "readable values", reason_of_failure());
    }
  }

  /// The texts as ours; HDF5's memory is given back.
  static std::vector<std::string> copied(std::vector<char*>& pointers, const Handle& owner,
                                         const Handle& type, const Handle* space = nullptr) {
    std::vector<std::string> result;
    for (const char* text : pointers) result.emplace_back(text == nullptr ? "" : text);
    const Handle own_space(space == nullptr ? H5Dget_space(owner.get()) : H5Scopy(space->get()), H5Sclose);
    if (!pointers.empty()) H5Dvlen_reclaim(type.get(), own_space.get(), H5P_DEFAULT, pointers.data());
    return result;
  }

  std::filesystem::path path_;
  Handle file_;
};

void read_plan(const Reader& reader, ResultsPlan& plan) {
  Provenance& from = plan.provenance;
  from.name = reader.text_attribute("name");
  from.version = reader.text_attribute("version");
  from.job_yaml = reader.text_attribute("job");
  from.seed = reader.number_attribute<std::uint64_t>("seed");
  from.hosts = reader.text_list_attribute("hosts");
  const auto files = reader.text_list_attribute("input_files");
  const auto hashes = reader.text_list_attribute("input_sha256");
  if (files.size() != hashes.size()) {
    throw reader.error("input_sha256", std::to_string(files.size()) + " hashes",
                       std::to_string(hashes.size()));
  }
  for (std::size_t i = 0; i < files.size(); ++i) from.input_sha256.emplace_back(files[i], hashes[i]);

  plan.problems = reader.texts("problem");
  plan.k = reader.list<std::int64_t>("k");
  const auto names = reader.texts("arm");
  const std::vector<std::size_t> shape = {names.size()};
  const auto recipes = reader.texts("recipe");
  if (recipes.size() != names.size()) {
    throw reader.error("recipe", std::to_string(names.size()) + " arms", std::to_string(recipes.size()));
  }
  const auto delta = reader.values<double>("delta", shape);
  const auto step = reader.values<double>("step", shape);
  const auto temperature = reader.values<double>("temperature", shape);
  const auto top_p = reader.values<double>("top_p", shape);
  const auto min_p = reader.values<double>("min_p", shape);
  const auto top_k = reader.values<std::int64_t>("top_k", shape);
  const auto max_tokens = reader.values<std::int64_t>("max_tokens", shape);
  const auto samples = reader.values<std::int64_t>("samples_planned", shape);
  const auto hash = reader.values<std::uint64_t>("weights_hash", shape);
  const auto sampled_as = reader.values<std::int64_t>("sampled_as", shape);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (sampled_as[i] < 0 || static_cast<std::size_t>(sampled_as[i]) >= names.size()) {
      throw reader.error("sampled_as", "the index of an arm", std::to_string(sampled_as[i]));
    }
    plan.arms.push_back({names[i], recipes[i], delta[i], step[i], temperature[i], top_p[i], min_p[i],
                         top_k[i], max_tokens[i], samples[i], hash[i],
                         static_cast<std::uint32_t>(sampled_as[i])});
  }
}

void read_tables(const Reader& reader, Results& results) {
  const std::size_t arms = results.plan.arms.size();
  const std::size_t problems = results.plan.problems.size();
  const std::size_t ks = results.plan.k.size();
  results.n = reader.values<std::int64_t>("n", {arms, problems});
  results.c = reader.values<std::int64_t>("c", {arms, problems});
  results.truncated = reader.values<std::int64_t>("truncated", {arms, problems});
  results.verdicts = reader.values<std::int64_t>("verdicts", {arms, std::size_t{kVerdicts}});
  results.mean_tokens = reader.values<double>("mean_tokens", {arms});
  const auto mean = reader.values<double>("pass_at_k", {arms, ks});
  const auto low = reader.values<double>("pass_at_k_low", {arms, ks});
  const auto high = reader.values<double>("pass_at_k_high", {arms, ks});
  for (std::size_t i = 0; i < mean.size(); ++i) results.pass_at_k.push_back({mean[i], low[i], high[i]});
}

void check_tables(const Reader& reader, const Results& results) {
  for (const std::int64_t k : results.plan.k) {
    if (k < 1) throw reader.error("k", "k of at least 1", std::to_string(k));
  }
  for (std::size_t i = 0; i < results.n.size(); ++i) {
    if (results.n[i] < 0 || results.c[i] < 0 || results.c[i] > results.n[i]) {
      throw reader.error("c", "0 <= c <= n",
                         "c = " + std::to_string(results.c[i]) + ", n = " + std::to_string(results.n[i]));
    }
  }
  for (const stats::Estimate& estimate : results.pass_at_k) {
    const bool none = std::isnan(estimate.mean);
    if (!none && !(0 <= estimate.low && estimate.low <= estimate.mean && estimate.mean <= estimate.high &&
                   estimate.high <= 1)) {
      throw reader.error("pass_at_k", "0 <= low <= mean <= high <= 1", std::to_string(estimate.mean));
    }
  }
}

}  // namespace

Results read_results(const std::filesystem::path& file) {
  const QuietErrors quiet;
  const Reader reader(file);
  const auto format = reader.number_attribute<std::int64_t>("wisk_format");
  if (format != kResultsFormat) {
    throw reader.error("wisk_format", "format " + std::to_string(kResultsFormat),
                       "format " + std::to_string(format));
  }
  Results results;
  read_plan(reader, results.plan);
  read_tables(reader, results);
  check_tables(reader, results);
  results.interval_method = reader.text_attribute("interval_method");
  results.missing_samples = reader.number_attribute<std::int64_t>("missing_samples");
  return results;
}

}  // namespace wisk::store
