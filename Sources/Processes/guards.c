#define _GNU_SOURCE
#include "guards.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory between guard pages. A plugin that reads or writes beyond it is reported. */

typedef struct {
  char *start; /* of the first guard page; null: the place is free */
  size_t length;
  char *data;
  size_t bytes;
  const char *name;
  int is_sealed;
} region;

enum { MOST_REGIONS = 16384 };
static region regions[MOST_REGIONS];
static int used_regions; /* the places from here on are free */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static region *region_at(const void *address) {
  for (int i = 0; i < used_regions; i++) {
    region *one = &regions[i];
    if (one->start && (const char *)address >= one->start && (const char *)address < one->start + one->length)
      return one;
  }
  return NULL;
}

void *ap_guarded_allocate(size_t bytes, size_t alignment, int at_start, const char *name) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (bytes == 0) bytes = 1;
  if (bytes > SIZE_MAX - 3 * page) return NULL;
  size_t room = (bytes + page - 1) / page * page;
  void *answer = NULL;
  pthread_mutex_lock(&turn);
  int place = 0;
  while (place < used_regions && regions[place].start) place++;
  if (place < MOST_REGIONS) {
    char *start = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start != MAP_FAILED) {
      mprotect(start + page, room, PROT_READ | PROT_WRITE);
      char *data = start + page;
      if (!at_start) data += (room - bytes) / alignment * alignment;
      regions[place] = (region){start, room + 2 * page, data, bytes, name, 0};
      if (place == used_regions) used_regions++;
      answer = data;
    }
  }
  pthread_mutex_unlock(&turn);
  return answer;
}

void ap_guarded_seal(void *memory) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  pthread_mutex_lock(&turn);
  region *one = region_at(memory);
  if (one) {
    mprotect(one->start + page, one->length - 2 * page, PROT_READ);
    one->is_sealed = 1;
  }
  pthread_mutex_unlock(&turn);
}

void ap_guarded_free(void *memory) {
  pthread_mutex_lock(&turn);
  region *one = region_at(memory);
  if (one) {
    munmap(one->start, one->length);
    one->start = NULL;
    while (used_regions > 0 && !regions[used_regions - 1].start) used_regions--;
  }
  pthread_mutex_unlock(&turn);
}

/* ---- The handler: only async-signal-safe calls. */

static int report_to = -1;

static void say(const char *text) {
  if (write(report_to, text, strlen(text)) < 0) return;
}

static void say_number(size_t number) {
  char digits[24];
  size_t place = sizeof digits;
  digits[--place] = 0;
  do {
    digits[--place] = (char)('0' + number % 10);
    number /= 10;
  } while (number);
  say(digits + place);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)context;
  const char *address = info->si_addr;
  /* No lock: the process is about to end. */
  region *one = region_at(address);
  say("fault ");
  if (!one) {
    say("touched memory that is nobody's");
  } else if (address < one->data) {
    say("touched what lies ");
    say_number((size_t)(one->data - address));
    say(" bytes in front of ");
    say(one->name);
  } else if (address >= one->data + one->bytes) {
    say("touched what lies ");
    say_number((size_t)(address - one->data - (ptrdiff_t)one->bytes));
    say(" bytes behind the end of ");
    say(one->name);
  } else {
    say("wrote to ");
    say(one->name);
    say(", which is the host's and only to be read");
  }
  say("\n");
  struct sigaction standard = {0};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, NULL);
  /* The fault comes again when this returns, and ends the process. */
}

void ap_report_faults(int descriptor) {
  report_to = descriptor;
  /* An own stack: the fault may be a stack overflow. */
  stack_t stack = {0};
  stack.ss_size = 1 << 16;
  stack.ss_sp = malloc(stack.ss_size);
  if (stack.ss_sp) sigaltstack(&stack, NULL);
  struct sigaction action = {0};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

long ap_mapped_bytes(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%ld", &pages) != 1) pages = 0;
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

size_t ap_heap_bytes(void) {
  struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}
