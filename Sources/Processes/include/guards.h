#ifndef GUARDS_H
#define GUARDS_H

#include <stddef.h>

/* Returns memory between two guard pages, so that one byte too far is a fault; null if there is no memory.
 *
 * `bytes` lie at the end of their pages, or at the start if `at_start`. The rest of their pages is not guarded. A report
 * of a fault has `name`, which must stay valid. Any thread. */
void *ap_guarded_allocate(size_t bytes, size_t alignment, int at_start, const char *name);

/* Makes the memory read-only. */
void ap_guarded_seal(void *memory);
void ap_guarded_free(void *memory);

/* From now on a fault of this process writes a line to `descriptor` before the process ends. */
void ap_report_faults(int descriptor);

/* Returns the bytes of this process's address space; 0 if that is not known. */
long ap_mapped_bytes(void);

/* Returns the bytes of this process's heap that are in use. */
size_t ap_heap_bytes(void);

#endif
