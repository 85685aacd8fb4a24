// The border to the host. It is C, so no exception may cross it.
#pragma once

#include "adapt_pruner_plugin.h"
#include <exception>
#include <new>

/// Does work that answers an ap_status. An exception becomes a status and a sentence.
template <typename Work>
ap_status guarded(const ap_host *host, Work work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc &) {
    host->set_error(host, "memory is short");
    return AP_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    host->set_error(host, error.what());
    return AP_FAILED;
  } catch (...) {
    host->set_error(host, "an exception without words");
    return AP_FAILED;
  }
}

/// The create and destroy of a plugin that keeps nothing.
extern "C" inline ap_status create_nothing(const ap_host *, const char *, void **instance) {
  *instance = nullptr;
  return AP_OK;
}
extern "C" inline void destroy_nothing(void *) {}

/// Element (row, column) of a matrix.
inline float element(const ap_tensor &matrix, int64_t row, int64_t column) {
  const auto *bytes = static_cast<const char *>(matrix.data) + matrix.byte_offset;
  return reinterpret_cast<const float *>(bytes)[row * matrix.strides[0] + column * matrix.strides[1]];
}

/// Declares the library of one plugin.
#define ADAPT_PRUNER_LIBRARY(descriptor) \
  static const ap_descriptor *const descriptors[] = {&descriptor}; \
  static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors}; \
  extern "C" AP_EXPORT const ap_library *adapt_pruner_plugin(void) { return &library; }
