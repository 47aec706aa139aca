#include "netcdf_writer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

namespace wisk::store {
namespace {

constexpr unsigned kOrdered = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;  // netCDF wants creation order
constexpr std::size_t kChunkElements = std::size_t{1} << 16;

Handle text_type(std::size_t size) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), size);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> result;
  for (const std::string& text : texts) result.push_back(text.c_str());
  return result;
}

/// HDF5 1.10 does not look at every allocation of its own (H5AC_create, seen): where a file's first block
/// does not fit with room to spare, nothing is begun. Throws EnvironmentError.
void check_memory(const std::filesystem::path& file, std::size_t bytes) {
  const std::unique_ptr<void, decltype(&std::free)> probe(std::malloc(bytes), std::free);
  if (probe == nullptr) {
    throw EnvironmentError(file.string() + ": expected " + std::to_string(bytes >> 20) +
                           " MiB of memory to build it in, found less");
  }
}

}  // namespace

hid_t NetcdfWriter::checked(hid_t result, const std::string& what) const {
  if (result < 0) throw EnvironmentError(path_.string() + ": " + what + " failed: " + reason_of_failure());
  return result;
}

NetcdfWriter::NetcdfWriter(std::filesystem::path file) : path_(std::move(file)), access_(file_access()) {
  constexpr std::size_t kIncrement = std::size_t{16} << 20;
  check_memory(path_, 2 * kIncrement);
  H5Pset_fapl_core(access_.get(), kIncrement, false);
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_link_creation_order(creation.get(), kOrdered);
  H5Pset_attr_creation_order(creation.get(), kOrdered);
  H5Pset_obj_track_times(creation.get(), false);
  file_ = Handle(checked(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, creation.get(), access_.get()), "create"),
                 H5Fclose);
  group_ = Handle(checked(H5Gopen2(file_.get(), "/", H5P_DEFAULT), "open root"), H5Gclose);
}

void NetcdfWriter::begin_group(const std::string& name) {
  const Handle creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_link_creation_order(creation.get(), kOrdered);
  H5Pset_attr_creation_order(creation.get(), kOrdered);
  H5Pset_obj_track_times(creation.get(), false);
  group_ = Handle(checked(H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                          "create group " + name),
                  H5Gclose);
  prefix_ = "/" + name + "/";
}

std::string NetcdfWriter::find_dimension(const std::string& name) const {
  if (scales_.contains(prefix_ + name)) return prefix_ + name;
  WISK_ASSERT(scales_.contains("/" + name));
  return "/" + name;
}

hid_t NetcdfWriter::object(const std::string& variable) const {
  return variable.empty() ? group_.get() : variables_.at(path_of(variable)).dataset.get();
}

void NetcdfWriter::define_dimension(const std::string& name, std::size_t size) {
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_attr_creation_order(creation.get(), kOrdered);
  const hsize_t extent = size;
  const Handle space(H5Screate_simple(1, &extent, nullptr), H5Sclose);
  Handle dataset(checked(H5Dcreate2(group_.get(), name.c_str(), H5T_IEEE_F32BE, space.get(), H5P_DEFAULT,
                                    creation.get(), H5P_DEFAULT),
                         "create dimension " + name),
                 H5Dclose);
  // The name by which netCDF knows a dimension without values: its size in ten columns.
  std::string digits = std::to_string(size);
  digits.insert(0, digits.size() < 10 ? 10 - digits.size() : 0, ' ');
  const std::string label = "This is a netCDF dimension but not a netCDF variable." + digits;
  write_attribute(dataset.get(), "CLASS", text_type(16).get(), 1, true, "DIMENSION_SCALE");
  write_attribute(dataset.get(), "NAME", text_type(label.size() + 1).get(), 1, true, label.c_str());
  scales_[path_of(name)] = Scale{size, std::move(dataset), "", {}};
  scale_order_.push_back(path_of(name));
}

void NetcdfWriter::create(const std::string& name, hid_t type, const Dimensions& dimensions, Meaning meaning,
                          std::size_t chunk) {
  const std::string path = path_of(name);
  Variable variable;
  std::vector<hsize_t> extents;
  for (const std::string& dimension : dimensions) {
    variable.dimensions.push_back(find_dimension(dimension));
    extents.push_back(scales_.at(variable.dimensions.back()).size);
  }
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_attr_creation_order(creation.get(), kOrdered);
  if (chunk > 0) {
    const hsize_t chunk_extent = chunk;
    H5Pset_chunk(creation.get(), 1, &chunk_extent);
    H5Pset_shuffle(creation.get());
    H5Pset_deflate(creation.get(), 1);
  }
  const Handle space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose);
  variable.dataset = Handle(checked(H5Dcreate2(group_.get(), name.c_str(), type, space.get(), H5P_DEFAULT,
                                               creation.get(), H5P_DEFAULT),
                                    "create " + path),
                            H5Dclose);
  const bool is_scale = dimensions.size() == 1 && variable.dimensions[0] == path;
  for (unsigned axis = 0; axis < dimensions.size() && !is_scale; ++axis) {
    scales_.at(variable.dimensions[axis]).uses.push_back({path, axis});
  }
  if (is_scale) scales_.at(path).variable = path;
  const Variable& kept = variables_[path] = std::move(variable);
  order_.push_back(path);
  if (is_scale) {
    write_attribute(kept.dataset.get(), "CLASS", text_type(16).get(), 1, true, "DIMENSION_SCALE");
    write_attribute(kept.dataset.get(), "NAME", text_type(name.size() + 1).get(), 1, true, name.c_str());
  }
  attribute(name, "long_name", meaning.long_name);
  if (!meaning.units.empty()) attribute(name, "units", meaning.units);
}

void NetcdfWriter::write_values(const std::string& name, const Dimensions& dimensions, hid_t type,
                                std::size_t count, const void* values, Meaning meaning) {
  const std::string path = path_of(name);
  if (dimensions == Dimensions{name}) {
    scales_[path] = Scale{count, {}, path, {}};
    scale_order_.push_back(path);
  }
  create(name, type, dimensions, meaning, 0);
  const Variable& variable = variables_.at(path);
  std::size_t size = 1;
  for (const std::string& dimension : variable.dimensions) size *= scales_.at(dimension).size;
  WISK_ASSERT(size == count);
  if (size == 0) return;
  checked(H5Dwrite(variable.dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "write " + path);
}

void NetcdfWriter::write_texts(const std::string& name, const Dimensions& dimensions,
                               const std::vector<std::string>& values, Meaning meaning) {
  write_values(name, dimensions, text_type(H5T_VARIABLE).get(), values.size(), pointers(values).data(),
               meaning);
}

void NetcdfWriter::begin_stream(const std::string& name, const std::string& dimension, hid_t type,
                                std::size_t element_bytes, Meaning meaning) {
  const std::size_t size = scales_.at(find_dimension(dimension)).size;
  const std::size_t chunk = std::min(size, kChunkElements);
  create(name, type, {dimension}, meaning, chunk);
  streams_[path_of(name)] = Stream{{}, 0, chunk, type, element_bytes};
}

void NetcdfWriter::append_bytes(const std::string& path, hid_t type, std::span<const std::byte> bytes) {
  Stream& stream = streams_.at(path);
  WISK_ASSERT(H5Tequal(stream.type, type) > 0);
  const std::size_t chunk_bytes = stream.chunk * stream.element_bytes;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(chunk_bytes - stream.waiting.size(), bytes.size()));
    WISK_ASSERT(!part.empty());  // more elements than the dimension has
    stream.waiting.insert(stream.waiting.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (stream.waiting.size() == chunk_bytes) flush(path, stream, stream.chunk);
  }
}

void NetcdfWriter::flush(const std::string& path, Stream& stream, std::size_t elements) {
  if (elements == 0) return;
  const hid_t dataset = variables_.at(path).dataset.get();
  const Handle space(checked(H5Dget_space(dataset), "look at " + path), H5Sclose);
  const hsize_t begin = stream.written;
  const hsize_t count = elements;
  checked(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &begin, nullptr, &count, nullptr),
          "select in " + path);
  const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
  checked(H5Dwrite(dataset, stream.type, memory.get(), space.get(), H5P_DEFAULT, stream.waiting.data()),
          "write " + path);
  stream.written += elements;
  stream.waiting.clear();
}

void NetcdfWriter::write_attribute(hid_t owner, const char* name, hid_t type, std::size_t size, bool scalar,
                                   const void* values) {
  const hsize_t extent = size;
  const Handle space(scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nullptr), H5Sclose);
  const Handle attribute(checked(H5Acreate2(owner, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                                 std::string("create attribute ") + name),
                         H5Aclose);
  checked(H5Awrite(attribute.get(), type, values), std::string("write attribute ") + name);
}

void NetcdfWriter::attribute(const std::string& variable, const char* name, std::string_view text) {
  const std::string copy(text);
  constexpr std::size_t kLongText = 4096;  // an object header holds at most 64 KiB
  if (copy.size() > kLongText || copy.empty()) {
    const char* pointer = copy.c_str();
    write_attribute(object(variable), name, text_type(H5T_VARIABLE).get(), 1, true, &pointer);
  } else {
    write_attribute(object(variable), name, text_type(copy.size()).get(), 1, true, copy.data());
  }
}

void NetcdfWriter::attribute(const std::string& variable, const char* name,
                             const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  write_attribute(object(variable), name, text_type(H5T_VARIABLE).get(), texts.size(), false,
                  pointers(texts).data());
}

hid_t NetcdfWriter::dataset_of(const Scale& scale) const {
  return scale.variable.empty() ? scale.own.get() : variables_.at(scale.variable).dataset.get();
}

/// DIMENSION_LIST of every variable: for each axis the reference of its scale.
void NetcdfWriter::write_dimension_lists() {
  const Handle type(H5Tvlen_create(H5T_STD_REF_OBJ), H5Tclose);
  for (const std::string& path : order_) {
    const Variable& variable = variables_.at(path);
    if (variable.dimensions.size() == 1 && variable.dimensions[0] == path) continue;
    std::vector<hobj_ref_t> references(variable.dimensions.size());
    std::vector<hvl_t> lists;
    for (std::size_t axis = 0; axis < references.size(); ++axis) {
      checked(H5Rcreate(&references[axis], file_.get(), variable.dimensions[axis].c_str(), H5R_OBJECT, -1),
              "refer to " + variable.dimensions[axis]);
      lists.push_back({1, &references[axis]});
    }
    write_attribute(variable.dataset.get(), "DIMENSION_LIST", type.get(), lists.size(), false, lists.data());
  }
}

/// REFERENCE_LIST of a scale: which variables use it, on which axis.
void NetcdfWriter::write_reference_list(const Scale& scale) {
  if (scale.uses.empty()) return;
  constexpr std::size_t kBytes =
      16;  // reference, axis, padding: the layout of the HDF5 library, padding zeroed
  const Handle type(H5Tcreate(H5T_COMPOUND, kBytes), H5Tclose);
  H5Tinsert(type.get(), "dataset", 0, H5T_STD_REF_OBJ);
  H5Tinsert(type.get(), "dimension", 8, H5T_NATIVE_INT);
  std::vector<std::byte> list(scale.uses.size() * kBytes);
  for (std::size_t i = 0; i < scale.uses.size(); ++i) {
    hobj_ref_t reference = 0;
    const Scale::Use& use = scale.uses[i];
    checked(H5Rcreate(&reference, file_.get(), use.variable.c_str(), H5R_OBJECT, -1),
            "refer to " + use.variable);
    std::memcpy(list.data() + i * kBytes, &reference, sizeof(reference));
    const auto axis = static_cast<int>(use.axis);
    std::memcpy(list.data() + i * kBytes + 8, &axis, sizeof(axis));
  }
  write_attribute(dataset_of(scale), "REFERENCE_LIST", type.get(), scale.uses.size(), false, list.data());
}

std::string_view NetcdfWriter::finish() {
  for (auto& [path, stream] : streams_) {
    flush(path, stream, stream.waiting.size() / stream.element_bytes);
    WISK_ASSERT(stream.written == scales_.at(variables_.at(path).dimensions[0]).size);
  }
  write_dimension_lists();
  for (const std::string& path : scale_order_) write_reference_list(scales_.at(path));
  checked(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "flush");
  variables_.clear();
  scales_.clear();
  group_ = {};
  const ssize_t size = H5Fget_file_image(file_.get(), nullptr, 0);
  void* image = nullptr;
  checked(size, "measure");
  checked(H5Fget_vfd_handle(file_.get(), access_.get(), &image), "find the image");
  // The image of this driver is the address of its buffer.
  return {*static_cast<const char**>(image), static_cast<std::size_t>(size)};
}

}  // namespace wisk::store
