#ifndef CALLS_H
#define CALLS_H

#include <fenv.h>
#include <stddef.h>
#include <sys/types.h>

/* A call into a plugin, from `ap_enter_call` to `ap_leave_call` on one thread. Calls may be within calls. */
typedef struct ap_call {
  const char *plugin;   /* valid until the call is left */
  const char *function; /* likewise */
  struct ap_call *outer;
  fenv_t environment;
  int rounding, traps, flushes;
  pid_t process;
} ap_call;

void ap_enter_call(ap_call *call, const char *plugin, const char *function);

/* What the plugin made of rounding, of floating-point traps, of denormal numbers, of the working folder and of the umask is
 * undone. If it forked and this is the child, which has no business to go on with the host's work, the child ends here. */
void ap_leave_call(ap_call *call);

/* The first that was undone since this was last asked, such as "score left the rounding mode at upward"; nothing if
 * nothing was. Answers how many bytes of `text` were written, without a NUL. Any thread. */
size_t ap_take_disturbance(char *text, size_t room);

/* From now on whoever ends this process in the middle of a call is named on standard error: by exit, which becomes a failure, or
 * by a signal. A page that a mapped file lost is nobody's fault: see mappings.h. */
void ap_name_who_ends_process(void);

/* What a plugin shares with the rest of the process and must leave as it is, a line each, with a tab between what it is and
 * how it is: folder, signals, limits, descriptors 0 to 2, timers, threads. Answers how many bytes of `text` were written,
 * without a NUL. */
size_t ap_process_marks(char *text, size_t room);

#endif
