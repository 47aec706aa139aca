#pragma once
// The blended weights of one model on one rank, in the layout that the engine computes with.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/comm/communicator.hpp>
#include <wisk/comm/device_group.hpp>
#include <wisk/device/device.hpp>
#include <wisk/model/architecture.hpp>

namespace wisk::model {

/// Which part of the model a rank of a replica holds: rank r of R holds slices [r S / R, (r + 1) S / R) of
/// every tensor.
struct Shard {
  int rank = 0, ranks = 1;
};

/// Weights of one layer; matrices are vectors of this rank's slices.
struct LayerWeights {
  device::Buffer input_norm, attention_norm, feed_forward_norm,
      output_norm;                                  // [C]; the second and fourth: post-norms
  device::Buffer query_norm, key_norm;              // [D]
  std::vector<device::PackedMatrix> query;          // each [H D / S, C]
  std::vector<device::PackedMatrix> key, value;     // each [G D / S, C]
  std::vector<device::PackedMatrix> output;         // each [C, H D / S]
  std::vector<device::PackedMatrix> gate, up;       // each [F / S, C]
  std::vector<device::PackedMatrix> down;           // each [C, F / S]
  device::Buffer query_bias, key_bias, value_bias;  // [H D / R], [G D / R], [G D / R]
  device::Buffer gate_bias, up_bias;                // [F / R]
  device::Buffer output_bias, down_bias;            // [C]
};

/// Owns the memory of the weights; blend() fills it again for every arm. Used by one thread.
class Weights {
 public:
  /// Allocates; nothing is read. `storage`: the dtype that a blend rounds to; matrices are kept in it, or in
  /// bfloat16 where `compute` rounds the inputs of products to that.
  /// `own_dtypes`: norms and biases are rounded to their own dtype instead, and a matrix of another dtype
  /// than `storage` is refused.
  Weights(device::Device& device, const Architecture& architecture, DType storage, device::Compute compute,
          Shard shard, bool own_dtypes = false);
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  /// Blends all tensors: w = sum_i coefficients[i] * ingredients[i]; ingredients with coefficient 0 are not
  /// read. Throws InputError when a tensor is missing or has another shape than the architecture says.
  void blend(std::span<const checkpoint::ModelFolder* const> ingredients,
             std::span<const double> coefficients);

  /// Keeps the ingredients' matrices in the memory of the devices of `peers`, the ranks that hold this shard
  /// in every replica, if all have room for all of them: each is read by one rank, in turn, and given to the
  /// others by `group`, which joins the same ranks. False, and nothing is kept, where one has no room: then
  /// blend() reads what it needs. Collective over the peers.
  bool keep_ingredients(std::span<const checkpoint::ModelFolder* const> ingredients,
                        comm::Communicator& peers, comm::DeviceGroup& group);

  /// Hash of this rank's resident bytes, such that the sum modulo 2^64 over the ranks of a replica does not
  /// depend on their number: stale weights can't hide.
  [[nodiscard]] std::uint64_t hash() const;

  /// Bytes this rank needs for weights.
  static std::uint64_t bytes_for(const Architecture& architecture, DType storage, device::Compute compute,
                                 int ranks);

  device::PackedMatrix embedding;    // [V part, C]
  device::PackedMatrix lm_head;      // [V part, C]; empty when tied
  device::Buffer final_norm;         // [C]
  std::vector<LayerWeights> layers;  // [L]
  std::int64_t first_token = 0;      ///< first row of the vocabulary that this rank holds

  [[nodiscard]] const device::PackedMatrix& output_embedding() const {
    return architecture_.tied ? embedding : lm_head;
  }
  [[nodiscard]] int local_slices() const { return local_slices_; }

 private:
  /// One tensor's part on this rank: a matrix or a vector of f32, and the pieces (slices) it is hashed in.
  struct Entry {
    std::string name;                        // in the checkpoint
    device::PackedMatrix* matrix = nullptr;  // or
    device::Buffer* vector = nullptr;        // [count] f32
    std::int64_t rows = 0, columns = 0;      // of the whole tensor; columns 0 for a vector
    std::int64_t first_row = 0, first_column = 0, count = 0;
    float offset = 0;                 // added to a vector's elements
    int first_slice = 0, slices = 1;  // hashed as this many slices; replicated tensors belong to rank 0
    bool replicated = false;
  };
  void allocate_matrices();
  void add_layer(std::size_t index);
  void add_matrix(std::string name, device::PackedMatrix& matrix, std::int64_t rows, std::int64_t columns,
                  std::int64_t first_row, std::int64_t first_column, std::int64_t local_rows,
                  std::int64_t local_columns, int slice);
  void add_sliced(const std::string& name, std::vector<device::PackedMatrix>& matrices, std::int64_t rows,
                  std::int64_t columns, bool along_rows);
  void add_vector(std::string name, device::Buffer& vector, std::int64_t length, bool sliced,
                  float offset = 0);
  const checkpoint::TensorView& checked_tensor(const Entry& entry,
                                               const checkpoint::ModelFolder& folder) const;
  void blend_entry(const Entry& entry, std::span<const device::BlendInput> inputs);

  device::Device& device_;
  Architecture architecture_;
  DType storage_;
  DType packed_;
  Shard shard_;
  int local_slices_;
  bool own_dtypes_;
  device::Buffer matrices_;     // the memory of all matrices, in the order of entries_
  std::vector<Entry> entries_;  // in a fixed order; they point into this object, which therefore never moves
};

/// The rows of the vocabulary that rank `rank` of `ranks` holds: whole blocks of 64, as tokens are chosen in.
/// [first, last).
std::pair<std::int64_t, std::int64_t> vocabulary_range(const Architecture& architecture, int rank, int ranks);

}  // namespace wisk::model
