/* Scores every unit with the number of threads of the process that it is in. */
#include <dirent.h>
#define FIXTURE_STATISTIC "input_norm"
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) {
    host->set_error(host, "there is no /proc/self/task");
    return AP_FAILED;
  }
  float count = 0;
  for (struct dirent *entry; (entry = readdir(tasks));) count += entry->d_name[0] != '.';
  closedir(tasks);
  for (int64_t u = 0; u < units->count; u++) scores[u] = count;
  return AP_OK;
}
FIXTURE_PLUGIN(score)
