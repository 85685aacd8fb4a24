/* libffi. Its types are mutable globals, which Swift 6 does not let anyone touch: functions answer their addresses. */
#include <ffi.h>

static inline ffi_type *ap_ffi_void(void) { return &ffi_type_void; }
static inline ffi_type *ap_ffi_int32(void) { return &ffi_type_sint32; }
static inline ffi_type *ap_ffi_int64(void) { return &ffi_type_sint64; }
static inline ffi_type *ap_ffi_float(void) { return &ffi_type_float; }
static inline ffi_type *ap_ffi_double(void) { return &ffi_type_double; }
static inline ffi_type *ap_ffi_pointer(void) { return &ffi_type_pointer; }

static inline ffi_status ap_ffi_prepare(ffi_cif *cif, unsigned int count, ffi_type *result, ffi_type **arguments) {
  return ffi_prep_cif(cif, FFI_DEFAULT_ABI, count, result, arguments);
}
static inline void ap_ffi_call(ffi_cif *cif, const void *function, void *result, void **arguments) {
  ffi_call(cif, FFI_FN(function), result, arguments);
}
