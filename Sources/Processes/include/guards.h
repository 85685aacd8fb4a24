#ifndef GUARDS_H
#define GUARDS_H

#include <stddef.h>

/* Memory between two pages that nobody may touch, so that one byte too far is a fault where it happens.
 *
 * `bytes` lie at the end of their pages, or at the start if `at_start`; the rest of their pages is out of bounds without
 * being guarded. `name` is told if there is a fault, and stays valid. Answers null if there is no memory. Any thread. */
void *ap_guarded_allocate(size_t bytes, size_t alignment, int at_start, const char *name);

/* From now on it can only be read. */
void ap_guarded_seal(void *memory);
void ap_guarded_free(void *memory);

/* From now on a fault of this process is told in a line to `descriptor` before the process ends of it. */
void ap_report_faults(int descriptor);

/* Bytes of address space that this process has; 0 if that is not known. */
long ap_mapped_bytes(void);

/* Bytes of this process's heap that are in use. */
size_t ap_heap_bytes(void);

#endif
