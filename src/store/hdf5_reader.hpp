#pragma once
// Reads HDF5 files that nobody vouches for: every variable is looked at before its values are.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

#include "hdf5_handle.hpp"
#include "netcdf_writer.hpp"

namespace wisk::store {

inline constexpr std::size_t kMostElements = std::size_t{1}
                                             << 28;  // of a table; a lying header must not exhaust the memory

/// Reads an untrusted HDF5 file. Every call throws InputError naming file and variable.
class Hdf5Reader {
 public:
  explicit Hdf5Reader(const std::filesystem::path& file) : path_(file) {
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

  /// Whether there is a variable of that name.
  bool has(const char* name) const { return H5Lexists(file_.get(), name, H5P_DEFAULT) > 0; }

  /// Length of a one-dimensional variable.
  std::size_t length(const char* name) const {
    const auto shape = shape_of(open(name), name);
    if (shape.size() != 1) throw error(name, "one dimension", "shape " + in_words(shape));
    return shape[0];
  }

  /// `count` values of a one-dimensional variable from `offset` on.
  template <class T>
  std::vector<T> slice(const char* name, std::size_t offset, std::size_t count) const {
    const Handle dataset = open(name);
    check_class(dataset, name, std::is_floating_point_v<T> ? H5T_FLOAT : H5T_INTEGER);
    const auto shape = shape_of(dataset, name);
    if (shape.size() != 1 || offset > shape[0] || count > shape[0] - offset || count > kMostElements) {
      throw error(name, "values " + std::to_string(offset) + " to " + std::to_string(offset + count),
                  "shape " + in_words(shape));
    }
    std::vector<T> result(count);
    if (count == 0) return result;
    const hsize_t begin = offset, size = count;
    const Handle from(H5Dget_space(dataset.get()), H5Sclose),
        to(H5Screate_simple(1, &size, nullptr), H5Sclose);
    if (H5Sselect_hyperslab(from.get(), H5S_SELECT_SET, &begin, nullptr, &size, nullptr) < 0 ||
        H5Dread(dataset.get(), number_type<T>(), to.get(), from.get(), H5P_DEFAULT, result.data()) < 0) {
      throw error(name, "readable values", reason_of_failure());
    }
    return result;
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
    return text_list_attribute(file_, name);
  }

  /// A text attribute of a variable, "" when it is absent.
  std::string text_attribute_of(const char* variable, const char* name) const {
    const auto all = text_list_attribute(open(variable), name);
    return all.empty() ? "" : all.front();
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
  std::vector<std::string> text_list_attribute(const Handle& object, const char* name) const {
    if (H5Aexists(object.get(), name) <= 0) return {};
    const Handle attribute(H5Aopen(object.get(), name, H5P_DEFAULT), H5Aclose);
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

  static std::string in_words(const std::vector<std::size_t>& shape) {
    std::string words;
    for (const std::size_t extent : shape) words += (words.empty() ? "" : " x ") + std::to_string(extent);
    return words.empty() ? "()" : words;
  }

  /// The dataset, which must be in this very file: no link, no external storage that would open others.
  Handle open(const char* name) const {
    for (std::string path = name;; path.erase(path.rfind('/'))) {  // the variable, then the groups above it
      H5L_info_t link{};
      if (H5Lget_info(file_.get(), path.c_str(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) {
        throw error(name, "a variable of a wisk run", "none");
      }
      if (path.find('/') == std::string::npos) break;
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

}  // namespace wisk::store
