#ifndef PROCESSES_H
#define PROCESSES_H

#include <sys/types.h>

/* System calls for workers and foreign functions that Swift's Glibc lacks. If nothing else is said, they return -1 on
 * failure, with errno. */

/* Makes a file in memory without a name, closed on exec. It can grow, but not shrink. */
int ap_memory_file(const char *name);

/* Make both ends, closed on exec. */
int ap_closing_pipe(int ends[2]);
int ap_closing_socket_pair(int ends[2]);

/* Starts `program` in a process group of its own, so that Ctrl-C reaches only its parent. It gets descriptors[0 ..< count],
 * numbered from 0, and no others. SIGINT, SIGPIPE and SIGXFSZ have their default actions. Arguments and environment end
 * with null. Returns errno, or 0. */
int ap_spawn(const char *program, char *const *arguments, char *const *environment, const int *descriptors,
             int count, pid_t *process);

/* Returns the file of a loaded function; null if that is not known. Valid as long as the file is loaded. */
const char *ap_file_of_function(const void *function);

#endif
