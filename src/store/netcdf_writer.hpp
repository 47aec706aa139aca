#pragma once
// Writes HDF5 files that netCDF-4, h5netcdf and xarray read as data sets: groups, dimensions, variables,
// attributes. The bytes are a function of the calls alone: no times, a fixed order, no uninitialised padding
// (the HDF5 "dimension scale" library leaves some, so scales are written here).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "hdf5_handle.hpp"

namespace wisk::store {

using Dimensions = std::vector<std::string>;

/// How a C++ type stands in a file and in memory: little-endian.
template <class T>
hid_t number_type() {
  if constexpr (std::is_same_v<T, std::int8_t>) return H5T_STD_I8LE;
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_STD_U8LE;
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_STD_I32LE;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_STD_I64LE;
  if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_STD_U64LE;
  if constexpr (std::is_same_v<T, float>) return H5T_IEEE_F32LE;
  if constexpr (std::is_same_v<T, double>) return H5T_IEEE_F64LE;
}

/// Descriptions that every variable carries.
struct Meaning {
  std::string_view long_name;
  std::string_view units;  // "": none, for texts
};

/// Owns a file that is built in memory (HDF5 1.10 crashes at exit after a full disk, so it never writes to
/// one). One thread. Every call throws EnvironmentError naming the file when HDF5 fails.
class NetcdfWriter {
 public:
  /// `file`: the name for errors.
  explicit NetcdfWriter(std::filesystem::path file);

  /// A group below the root; the calls that follow write into it, dimensions of the root stay visible.
  void begin_group(const std::string& name);

  /// A dimension without a variable of its name.
  void define_dimension(const std::string& name, std::size_t size);
  /// A variable over dimensions that are defined; one over a dimension of its own name defines it.
  template <class T>
  void write(const std::string& name, const Dimensions& dimensions, const std::vector<T>& values,
             Meaning meaning) {
    write_values(name, dimensions, number_type<T>(), values.size(), values.data(), meaning);
  }
  void write_texts(const std::string& name, const Dimensions& dimensions,
                   const std::vector<std::string>& values, Meaning meaning);

  /// A compressed variable over one dimension, to be filled by append() from its beginning.
  template <class T>
  void begin_stream(const std::string& name, const std::string& dimension, Meaning meaning) {
    begin_stream(name, dimension, number_type<T>(), sizeof(T), meaning);
  }
  /// Appends to the stream variable `name` of the present group.
  template <class T>
  void append(const std::string& name, std::span<const T> values) {
    append_bytes(path_of(name), number_type<T>(), std::as_bytes(values));
  }

  /// Attributes; of variable `name` of the present group, or of the group itself when it is "".
  void attribute(const std::string& variable, const char* name, std::string_view text);
  void attribute(const std::string& variable, const char* name, const std::vector<std::string>& texts);
  template <class T>
  void attribute(const std::string& variable, const char* name, const std::vector<T>& values) {
    write_attribute(object(variable), name, number_type<T>(), values.size(), values.size() == 1,
                    values.data());
  }

  /// Adds what ties dimensions and variables together. The bytes of the whole file, valid as long as the
  /// writer.
  std::string_view finish();

 private:
  struct Variable {
    Handle dataset;
    Dimensions dimensions;  // paths
  };
  struct Scale {
    std::size_t size = 0;
    Handle own;            // the dataset of a dimension without a variable
    std::string variable;  // path of the variable of that name, or ""
    struct Use {
      std::string variable;  // path
      unsigned axis;
    };
    std::vector<Use> uses;
  };
  /// Values that are not written yet: whole chunks go to the file, so that each is compressed once.
  struct Stream {
    std::vector<std::byte> waiting;
    std::size_t written = 0, chunk = 0;  // elements
    hid_t type = -1;
    std::size_t element_bytes = 0;
  };

  hid_t checked(hid_t result, const std::string& what) const;
  [[nodiscard]] std::string path_of(const std::string& name) const { return prefix_ + name; }
  [[nodiscard]] std::string find_dimension(const std::string& name) const;
  hid_t object(const std::string& variable) const;
  void create(const std::string& name, hid_t file_type, const Dimensions& dimensions, Meaning meaning,
              std::size_t chunk);
  void write_attribute(hid_t object, const char* name, hid_t type, std::size_t size, bool scalar,
                       const void* values);
  void write_values(const std::string& name, const Dimensions& dimensions, hid_t type, std::size_t count,
                    const void* values, Meaning meaning);
  void begin_stream(const std::string& name, const std::string& dimension, hid_t type,
                    std::size_t element_bytes, Meaning meaning);
  void append_bytes(const std::string& path, hid_t type, std::span<const std::byte> bytes);
  void flush(const std::string& path, Stream& stream, std::size_t elements);
  void write_dimension_lists();
  void write_reference_list(const Scale& scale);
  [[nodiscard]] hid_t dataset_of(const Scale& scale) const;

  std::filesystem::path path_;
  Handle access_, file_, group_;
  std::string prefix_ = "/";
  std::map<std::string, Variable> variables_;  // by path
  std::vector<std::string> order_;             // of their creation
  std::map<std::string, Scale> scales_;
  std::vector<std::string> scale_order_;
  std::map<std::string, Stream> streams_;
};

}  // namespace wisk::store
