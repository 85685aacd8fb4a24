#define _GNU_SOURCE
#include "processes.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Starts processes, and makes what two of them share: memory, pipes, sockets. */

int ap_memory_file(const char *name) {
  int file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  /* Processes that map the file rely on its size. */
  if (file >= 0) fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK);
  return file;
}

int ap_closing_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int ap_closing_socket_pair(int ends[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }

enum { MOST_DESCRIPTORS = 16 };

int ap_spawn(const char *program, char *const *arguments, char *const *environment, const int *descriptors,
             int count, pid_t *process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int high[MOST_DESCRIPTORS];
  int made = 0, failure = 0;
  if (count > MOST_DESCRIPTORS) return EINVAL;
  if ((failure = posix_spawn_file_actions_init(&actions))) return failure;
  if ((failure = posix_spawnattr_init(&attributes))) {
    posix_spawn_file_actions_destroy(&actions);
    return failure;
  }
  /* First moves them to high numbers, so that no target number is in use. */
  for (; made < count && !failure; made++) {
    high[made] = fcntl(descriptors[made], F_DUPFD_CLOEXEC, MOST_DESCRIPTORS);
    if (high[made] < 0) {
      failure = errno;
      break;
    }
    failure = posix_spawn_file_actions_adddup2(&actions, high[made], made);
  }
  if (!failure) failure = posix_spawn_file_actions_addclosefrom_np(&actions, count);
  if (!failure) failure = posix_spawnattr_setpgroup(&attributes, 0);
  /* A child inherits ignored signals. These get their default action again. */
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGXFSZ);
  if (!failure) failure = posix_spawnattr_setsigdefault(&attributes, &defaults);
  if (!failure) failure = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  if (!failure) failure = posix_spawn(process, program, &actions, &attributes, arguments, environment);
  for (int i = 0; i < made; i++) close(high[i]);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure;
}

const char *ap_file_of_function(const void *function) {
  Dl_info info;
  return dladdr(function, &info) ? info.dli_fname : NULL;
}
