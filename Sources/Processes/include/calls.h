#ifndef CALLS_H
#define CALLS_H

#include <fenv.h>
#include <stddef.h>
#include <sys/types.h>

/* A call into a plugin, from `ap_enter_call` to `ap_leave_call` on one thread. Calls may be nested. */
typedef struct ap_call {
  const char *plugin;   /* valid until the call is left */
  const char *function; /* likewise */
  struct ap_call *outer;
  fenv_t environment;
  int rounding, traps, flushes;
  pid_t process;
} ap_call;

void ap_enter_call(ap_call *call, const char *plugin, const char *function);

/* Restores rounding, floating-point traps, denormal numbers, the working folder and the umask. If the plugin forked, the
 * child ends here: it must not go on with the host's work. */
void ap_leave_call(ap_call *call);

/* Writes the first state that was restored since the last call, such as "score left the rounding mode at upward".
 * Returns the number of bytes, without a NUL; 0 if nothing was restored. Any thread. */
size_t ap_take_disturbance(char *text, size_t room);

/* From now on a plugin that ends this process during a call, by exit or a signal, is named on standard error. Exit becomes a
 * failure. A lost page of a mapped file is no plugin's fault: see mappings.h. */
void ap_name_who_ends_process(void);

/* Writes the state of the process that a plugin must not change: folder, signals, limits, descriptors 0 to 2, timers,
 * threads. Each line has a name, a tab and a value. Returns the number of bytes, without a NUL. */
size_t ap_process_marks(char *text, size_t room);

#endif
