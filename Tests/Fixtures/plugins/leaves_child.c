/* Starts a process that stays, says which, and crashes. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  pid_t child = fork();
  if (child == 0) {
    sleep(600);
    _exit(0);
  }
  char text[32];
  snprintf(text, sizeof text, "%d", (int)child);
  host->log(host, AP_LOG_INFO, text);
  abort();
}
FIXTURE_PLUGIN(score)
