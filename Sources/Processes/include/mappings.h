#ifndef MAPPINGS_H
#define MAPPINGS_H

#include <stddef.h>

/* Registers a file that is mapped into memory. Touching a page that was cut off, or that the disk can't read, is SIGBUS.
 * From the first call on, the process then names the file on standard error and exits with 1. Any thread.
 *
 * Returns the place for `ap_mapping_remove`, or -1 if there is no room. Then the file is not named. */
int ap_mapping_add(const void *start, size_t length, const char *path);
void ap_mapping_remove(int place);

/* Ends the process and names the file if the address is in a registered file; else returns. For signal handlers. */
void ap_end_if_in_mapping(const void *address);

#endif
