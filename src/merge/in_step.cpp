#include "in_step.hpp"

#include <array>
#include <optional>
#include <span>

namespace wisk::merge {
namespace {

std::optional<Error> error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return EnvironmentError("out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return EnvironmentError(error.path1().string() + ": " + error.code().message());
  } catch (const std::exception& error) {
    return EnvironmentError(error.what());
  }
  return std::nullopt;
}

}  // namespace

void in_step(comm::Communicator& world, const std::function<void()>& work) {
  if (world.size() == 1) return work();  // keeps the type of the error
  const std::optional<Error> mine = error_of(work);
  std::array<double, 1> first = {mine ? static_cast<double>(world.size() - world.rank()) : 0.0};
  world.all_reduce_max(first);
  if (first[0] == 0) return;
  const int root = world.size() - static_cast<int>(first[0]);
  std::array<int, 1> status = {mine ? static_cast<int>(mine->status()) : 0};
  world.broadcast(std::as_writable_bytes(std::span(status)), root);
  const std::string message = comm::broadcast_string(world, mine ? mine->what() : "", root);
  if (mine) throw *mine;
  throw Error(static_cast<ExitStatus>(status[0]), message);
}

}  // namespace wisk::merge
