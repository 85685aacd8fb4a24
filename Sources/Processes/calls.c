#define _GNU_SOURCE
#include "calls.h"

#include "mappings.h"

#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* A call into a plugin. It restores the state that the plugin changed, and names the plugin if the process ends. */

static _Thread_local ap_call *current;

/* ---- The state that is restored after each call */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int home = -1; /* the working folder at the start of the program */
static struct stat home_state;
static mode_t mask;

static void remember(void) {
  mask = umask(0);
  umask(mask);
  home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (home >= 0 && fstat(home, &home_state)) home = -1;
}

/* Whether denormal numbers are flushed to zero: a bit of the thread's control register. */
static int flushes_to_zero(void) {
#if defined(__x86_64__)
  return (__builtin_ia32_stmxcsr() & 0x8040) != 0; /* FTZ and DAZ */
#elif defined(__aarch64__)
  unsigned long control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return (control >> 24 & 1) != 0; /* FZ */
#else
  return 0;
#endif
}

static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
static char disturbance[4608];

static void disturbed(const ap_call *call, const char *format, ...) {
  pthread_mutex_lock(&telling);
  if (!disturbance[0]) {
    int count = snprintf(disturbance, sizeof disturbance, "%s left ", call->function);
    if (count > 0 && (size_t)count < sizeof disturbance) {
      va_list list;
      va_start(list, format);
      vsnprintf(disturbance + count, sizeof disturbance - (size_t)count, format, list);
      va_end(list);
    }
  }
  pthread_mutex_unlock(&telling);
}

size_t ap_take_disturbance(char *text, size_t room) {
  pthread_mutex_lock(&telling);
  size_t length = strlen(disturbance);
  if (length > room) length = room;
  memcpy(text, disturbance, length);
  disturbance[0] = 0;
  pthread_mutex_unlock(&telling);
  return length;
}

static const char *rounding(int mode) {
  return mode == FE_UPWARD     ? "upward"
         : mode == FE_DOWNWARD ? "downward"
         : mode == FE_TOWARDZERO ? "toward zero"
                                 : "to nearest";
}

void ap_enter_call(ap_call *call, const char *plugin, const char *function) {
  pthread_once(&once, remember);
  call->plugin = plugin;
  call->function = function;
  call->outer = current;
  call->process = getpid();
  call->rounding = fegetround();
  call->traps = fegetexcept();
  call->flushes = flushes_to_zero();
  fegetenv(&call->environment);
  current = call;
}

void ap_leave_call(ap_call *call) {
  if (getpid() != call->process) _exit(0);
  if (fegetround() != call->rounding) disturbed(call, "the rounding mode at %s", rounding(fegetround()));
  if (fegetexcept() != call->traps) disturbed(call, "floating-point traps on");
  if (flushes_to_zero() != call->flushes)
    disturbed(call, "denormal numbers flushed to zero, as linking with -ffast-math does");
  fesetenv(&call->environment);
  struct stat here;
  if (home >= 0 && !stat(".", &here) &&
      (here.st_dev != home_state.st_dev || here.st_ino != home_state.st_ino)) {
    char folder[4096];
    disturbed(call, "the working folder at %s", getcwd(folder, sizeof folder) ? folder : "a place without a name");
    if (fchdir(home)) disturbed(call, "no way back to the working folder");
  }
  mode_t found = umask(mask);
  if (found != mask) disturbed(call, "the umask at %03o", (unsigned)found);
  current = call->outer;
}

/* ---- Who ended the process. Signal handlers run this: only async-signal-safe calls. */

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

static void name_call(const char *how) {
  say("adapt-pruner: ");
  say(current->plugin);
  say(": ");
  say(current->function);
  say(how);
  say("With --isolate a plugin has a process of its own, and this is an error like any other. A run goes on with "
      "adapt-pruner resume.\n");
}

static void on_exit_in_call(void) {
  if (!current) return;
  name_call(" ended this process with exit. ");
  _exit(1);
}

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
enum { FATAL = sizeof fatal / sizeof fatal[0] };
static struct sigaction before[FATAL];

static void on_signal_in_call(int number, siginfo_t *info, void *context) {
  (void)context;
  /* A lost page of a mapped file is no plugin's fault. */
  if (number == SIGBUS) ap_end_if_in_mapping(info->si_addr);
  if (current) {
    name_call(number == SIGABRT  ? " ended this process with abort (SIGABRT). "
              : number == SIGSEGV ? " crashed (SIGSEGV). "
              : number == SIGBUS  ? " crashed (SIGBUS). "
              : number == SIGFPE  ? " crashed (SIGFPE). "
                                  : " crashed (SIGILL or SIGTRAP). ");
    current = NULL;
  }
  /* The signal comes again when this returns, and goes to the previous handler. */
  for (int i = 0; i < FATAL; i++)
    if (fatal[i] == number) sigaction(number, &before[i], NULL);
}

void ap_name_who_ends_process(void) {
  atexit(on_exit_in_call);
  struct sigaction action = {0};
  action.sa_sigaction = on_signal_in_call;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (int i = 0; i < FATAL; i++) sigaction(fatal[i], &action, &before[i]);
}

/* ---- The state of the whole process */

typedef struct {
  char *text;
  size_t room, used;
} marks;

/* Adds a line: the name of the state, a tab, its value. */
static void mark(marks *into, const char *format, ...) {
  if (into->used + 1 >= into->room) return;
  va_list list;
  va_start(list, format);
  int count = vsnprintf(into->text + into->used, into->room - into->used, format, list);
  va_end(list);
  if (count > 0) into->used += (size_t)count;
  if (into->used >= into->room) into->used = into->room - 1;
}

static int entries(const char *folder) {
  DIR *open = opendir(folder);
  if (!open) return -1;
  int count = 0;
  while (readdir(open)) count++;
  closedir(open);
  return count;
}

size_t ap_process_marks(char *text, size_t room) {
  marks all = {text, room, 0};
  char folder[4096];
  mark(&all, "the current folder\tis %s\n", getcwd(folder, sizeof folder) ? folder : "gone");
  mode_t found = umask(0);
  umask(found);
  mark(&all, "the umask\tis %03o\n", (unsigned)found);
  const char *locale = setlocale(LC_ALL, NULL);
  mark(&all, "the locale\tis %s\n", locale ? locale : "unknown");
  mark(&all, "this thread's locale\tis %s\n", uselocale((locale_t)0) == LC_GLOBAL_LOCALE ? "the process's" : "its own");
  for (int number = 1; number < 65; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action)) continue;
    if (action.sa_handler == SIG_DFL) mark(&all, "signal %d\tdoes what it does by default\n", number);
    else if (action.sa_handler == SIG_IGN) mark(&all, "signal %d\tis ignored\n", number);
    else mark(&all, "signal %d\thas the handler %p\n", number, (void *)action.sa_handler);
  }
  sigset_t blocked;
  if (!pthread_sigmask(SIG_BLOCK, NULL, &blocked))
    for (int number = 1; number < 65; number++)
      mark(&all, "whether signal %d is blocked\tis %s\n", number, sigismember(&blocked, number) == 1 ? "yes" : "no");
  static const struct { int number; const char *name; } limits[] = {
      {RLIMIT_AS, "address space"}, {RLIMIT_CORE, "core files"},  {RLIMIT_CPU, "processor time"},
      {RLIMIT_DATA, "data"},        {RLIMIT_FSIZE, "file sizes"}, {RLIMIT_NOFILE, "open files"},
      {RLIMIT_STACK, "the stack"}};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    struct rlimit limit;
    if (!getrlimit((__rlimit_resource_t)limits[i].number, &limit))
      mark(&all, "the limit of %s\tis %llu\n", limits[i].name, (unsigned long long)limit.rlim_cur);
  }
  for (int descriptor = 0; descriptor < 3; descriptor++)
    mark(&all, "descriptor %d\tis %s\n", descriptor, fcntl(descriptor, F_GETFD) < 0 ? "closed" : "open");
  struct itimerval timer;
  if (!getitimer(ITIMER_REAL, &timer))
    mark(&all, "an alarm\tis %s\n", timer.it_value.tv_sec || timer.it_value.tv_usec ? "set" : "not set");
  mark(&all, "the number of threads\tis %d\n", entries("/proc/self/task") - 2);
  return all.used;
}
