#ifndef PROCESSES_H
#define PROCESSES_H

#include <sys/types.h>

/* What workers and foreign functions want of the system, and Swift's Glibc does not show. Where nothing else is said the
 * answer is -1 on failure, with errno. */

/* A file without a name, in memory, closed on exec. It can grow and not shrink, whoever has it. */
int ap_memory_file(const char *name);

/* Both ends, closed on exec. */
int ap_closing_pipe(int ends[2]);
int ap_closing_socket_pair(int ends[2]);

/* Starts `program` in a process group of its own, so that Ctrl-C reaches it by way of its parent only. Its descriptors are
 * descriptors[0 ..< count], numbered from 0, and no others; SIGINT, SIGPIPE and SIGXFSZ do there what they do by default.
 * Arguments and environment end with null. Answers errno, or 0. */
int ap_spawn(const char *program, char *const *arguments, char *const *environment, const int *descriptors,
             int count, pid_t *process);

/* The file that a function was loaded from; null if that is not known. Stays valid as long as the file is loaded. */
const char *ap_file_of_function(const void *function);

#endif
