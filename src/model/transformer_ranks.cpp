// What the ranks of a replica exchange within a step: by their devices' group, or over the host.
#include <wisk/model/transformer.hpp>

#include "workspace.hpp"

namespace wisk::model {

namespace {

/// While it lives the ranks may exchange what was computed so far.
class Exchange {
 public:
  explicit Exchange(device::Device& device) : device_(device) { device_.wait(); }
  ~Exchange() { device_.defer(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  device::Device& device_;
};

}  // namespace

/// all[r] = what rank r has at `mine`.
void Transformer::gather(const float* mine, std::int64_t count, float* all /* [ranks, count] */) {
  if (work_->alone) return;
  if (group_ != nullptr) {
    group_->all_gather(reinterpret_cast<const std::byte*>(mine), reinterpret_cast<std::byte*>(all),
                       static_cast<std::size_t>(count) * sizeof(float), device_.stream());
    return;
  }
  const Exchange exchange(device_);
  const auto each = static_cast<std::size_t>(count), total = each * static_cast<std::size_t>(replica_.size());
  if (device_.is_host_memory()) {
    replica_.all_gather(std::as_bytes(std::span(mine, each)), std::as_writable_bytes(std::span(all, total)));
    return;
  }
  work_->exchanged.resize(total);
  replica_.all_gather(std::as_bytes(device_.host_view(mine, count)),
                      std::as_writable_bytes(std::span(work_->exchanged)));
  device_.upload(reinterpret_cast<std::byte*>(all), std::as_bytes(std::span(work_->exchanged)));
}

/// x[i] = the bits of all ranks' x[i].
void Transformer::or_over_ranks(float* x, std::int64_t count) {
  if (work_->alone) return;
  if (group_ != nullptr) {
    group_->all_reduce_or(reinterpret_cast<std::uint32_t*>(x), static_cast<std::size_t>(count),
                          device_.stream());
    return;
  }
  const Exchange exchange(device_);
  const auto bits_of = [](float* values, std::size_t size) {
    return std::span(reinterpret_cast<std::uint32_t*>(values), size);
  };
  if (device_.is_host_memory()) {
    replica_.all_reduce_or(bits_of(x, static_cast<std::size_t>(count)));
    return;
  }
  const std::span<const float> mine = device_.host_view(x, count);
  work_->exchanged.assign(mine.begin(), mine.end());
  replica_.all_reduce_or(bits_of(work_->exchanged.data(), work_->exchanged.size()));
  device_.upload(reinterpret_cast<std::byte*>(x), std::as_bytes(std::span(work_->exchanged)));
}

}  // namespace wisk::model
