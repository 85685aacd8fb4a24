/* Loaded before the C library (LD_PRELOAD), it lets one call fail: the FAULT_AT-th call of the kind FAULT_CALL (write, fsync,
 * rename, unlink, mkdir, truncate, close, or any) on something below FAULT_ROOT. It fails with FAULT_CODE, a number of
 * errno; "short": half is written, and that is all that is said; "kill": the process is killed by SIGKILL before the call.
 * With FAULT_STAYS all later calls of the kind fail too, as on a full disk. FAULT_COUNT names a file into which the number of
 * the kind's calls goes at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int calls;

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static int is_below(const char *path) {
  const char *root = getenv("FAULT_ROOT");
  return root && *root && path && !strncmp(path, root, strlen(root));
}

static int is_below_descriptor(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t count = readlink(link, path, sizeof path - 1);
  if (count <= 0) return 0;
  path[count] = 0;
  return is_below(path);
}

static int is_below_at(int folder, const char *path) {
  return path[0] == '/' ? is_below(path) : folder == AT_FDCWD ? 0 : is_below_descriptor(folder);
}

/* Whether this call is one that fails; then errno says why. */
static int fails(const char *kind, int counts) {
  const char *wanted = getenv("FAULT_CALL"), *at = getenv("FAULT_AT"), *code = getenv("FAULT_CODE");
  if (!counts || !wanted || !at || !code) return 0;
  if (strcmp(wanted, "any") && strcmp(wanted, kind)) return 0;
  int number = ++calls, first = atoi(at);
  if (first <= 0 || number < first || (number > first && !getenv("FAULT_STAYS"))) return 0;
  if (!strcmp(code, "kill")) kill(getpid(), SIGKILL);
  errno = atoi(code);
  return 1;
}

static int is_short(void) {
  const char *code = getenv("FAULT_CODE");
  return code && !strcmp(code, "short");
}

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("FAULT_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%d", (int)calls);
  fclose(file);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (fails("write", is_below_descriptor(descriptor))) {
    if (!is_short()) return -1;
    if (count > 1) count /= 2;
  }
  return REAL(write)(descriptor, bytes, count);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  if (fails("write", is_below_descriptor(descriptor))) {
    if (!is_short()) return -1;
    if (count > 1) count /= 2;
  }
  return REAL(pwrite64)(descriptor, bytes, count, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return pwrite64(descriptor, bytes, count, offset);
}

int fsync(int descriptor) { return fails("fsync", is_below_descriptor(descriptor)) ? -1 : REAL(fsync)(descriptor); }

int fdatasync(int descriptor) {
  return fails("fsync", is_below_descriptor(descriptor)) ? -1 : REAL(fdatasync)(descriptor);
}

int rename(const char *from, const char *to) {
  return fails("rename", is_below(to)) ? -1 : REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  return fails("rename", is_below_at(to_folder, to)) ? -1 : REAL(renameat)(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  if (fails("rename", is_below_at(to_folder, to))) return -1;
  return REAL(renameat2)(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) { return fails("unlink", is_below(path)) ? -1 : REAL(unlink)(path); }

int rmdir(const char *path) { return fails("unlink", is_below(path)) ? -1 : REAL(rmdir)(path); }

int remove(const char *path) { return fails("unlink", is_below(path)) ? -1 : REAL(remove)(path); }

int unlinkat(int folder, const char *path, int flags) {
  return fails("unlink", is_below_at(folder, path)) ? -1 : REAL(unlinkat)(folder, path, flags);
}

int mkdir(const char *path, mode_t mode) { return fails("mkdir", is_below(path)) ? -1 : REAL(mkdir)(path, mode); }

int mkdirat(int folder, const char *path, mode_t mode) {
  return fails("mkdir", is_below_at(folder, path)) ? -1 : REAL(mkdirat)(folder, path, mode);
}

int ftruncate64(int descriptor, off64_t length) {
  return fails("truncate", is_below_descriptor(descriptor)) ? -1 : REAL(ftruncate64)(descriptor, length);
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

/* What a network file system says of a full disk only here: the descriptor is closed all the same. */
int close(int descriptor) {
  int failed = fails("close", is_below_descriptor(descriptor)), code = errno;
  int result = REAL(close)(descriptor);
  if (!failed) return result;
  errno = code;
  return -1;
}
