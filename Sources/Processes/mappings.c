#define _GNU_SOURCE
#include "mappings.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Mapped files. If a file is made shorter while it is read, the program ends with a message that names it. */

enum { MOST_MAPPINGS = 4096, LONGEST_PATH = 1024 };

typedef struct {
  const char *_Atomic start; /* null: the place is free */
  size_t length;
  char path[LONGEST_PATH];
} mapping;

static mapping mappings[MOST_MAPPINGS];
static atomic_int used; /* the places from here on are free */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;

/* ---- The handler: only async-signal-safe calls. */

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

void ap_end_if_in_mapping(const void *address) {
  const char *place = address;
  for (int i = 0; i < atomic_load(&used); i++) {
    const char *start = atomic_load(&mappings[i].start);
    if (!start || place < start || place >= start + mappings[i].length) continue;
    say("adapt-pruner: ");
    say(mappings[i].path);
    say(" cannot be read any more: it was made shorter while it was in use, or its disk failed. Put the file back and start "
        "again; an unfinished run goes on with adapt-pruner resume.\n");
    _exit(1);
  }
}

static void on_lost_page(int number, siginfo_t *info, void *context) {
  (void)context;
  ap_end_if_in_mapping(info->si_addr);
  /* No mapping of ours. The signal comes again when this returns, and goes to the previous handler. */
  sigaction(number, &before, NULL);
}

static void listen_once(void) {
  struct sigaction action = {0};
  action.sa_sigaction = on_lost_page;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGBUS, &action, &before);
}

int ap_mapping_add(const void *start, size_t length, const char *path) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, listen_once);
  int answer = -1;
  pthread_mutex_lock(&turn);
  int place = 0;
  while (place < atomic_load(&used) && atomic_load(&mappings[place].start)) place++;
  if (place < MOST_MAPPINGS) {
    mapping *one = &mappings[place];
    one->length = length;
    size_t end = 0;
    for (; path[end] && end + 1 < LONGEST_PATH; end++) {
      unsigned char byte = (unsigned char)path[end];
      one->path[end] = byte < 0x20 || byte == 0x7f ? '?' : path[end];
    }
    one->path[end] = 0;
    atomic_store(&one->start, start);
    if (place == atomic_load(&used)) atomic_store(&used, place + 1);
    answer = place;
  }
  pthread_mutex_unlock(&turn);
  return answer;
}

void ap_mapping_remove(int place) {
  if (place < 0 || place >= MOST_MAPPINGS) return;
  pthread_mutex_lock(&turn);
  atomic_store(&mappings[place].start, NULL);
  pthread_mutex_unlock(&turn);
}
