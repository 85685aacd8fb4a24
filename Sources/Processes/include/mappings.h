#ifndef MAPPINGS_H
#define MAPPINGS_H

#include <stddef.h>

/* Files that are mapped into memory. Who touches a page that the file no longer has, since somebody made it shorter, gets
 * SIGBUS; so does who touches one that the disk cannot give any more. From the first call on such an end is told on
 * standard error with the file's name, and the process exits with 1. Any thread.
 *
 * Answers the place to remove it by, or -1 if there is no room: then the file is not named. */
int ap_mapping_add(const void *start, size_t length, const char *path);
void ap_mapping_remove(int place);

/* Ends the process, naming the file, if the address is in one that was added; else returns. For signal handlers. */
void ap_end_if_in_mapping(const void *address);

#endif
