#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Loops follow each other quickly, a dozen a layer. Waking a thread costs more than many of them take. So a worker looks for
 * the next loop for a moment before it sleeps. It yields while it looks, for others that want the processor. */
enum { LOOKS_BEFORE_SLEEP = 2000 };

typedef struct worker {
  ap_pool *pool;
  pthread_t thread;
  int64_t number;
} worker;

struct ap_pool {
  int32_t threads;
  worker *workers; /* [threads - 1]; the caller is worker 0 */
  int32_t started;
  pthread_mutex_t lock;
  pthread_cond_t work, finished;
  void (*body)(void *, int64_t, int64_t);
  void *context;
  int64_t parts;
  _Atomic int64_t next;
  _Atomic uint64_t loop;  /* counts the loops begun */
  _Atomic int32_t busy;   /* workers that have not finished the current loop */
  _Atomic int32_t ending;
};

static void run_parts(ap_pool *pool, int64_t number) {
  for (;;) {
    int64_t part = atomic_fetch_add(&pool->next, 1);
    if (part >= pool->parts) return;
    pool->body(pool->context, part, number);
  }
}

static void *work(void *argument) {
  worker *self = argument;
  ap_pool *pool = self->pool;
  uint64_t seen = 0;
  for (;;) {
    for (int look = 0; look < LOOKS_BEFORE_SLEEP && atomic_load(&pool->loop) == seen; look++) sched_yield();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->loop) == seen) pthread_cond_wait(&pool->work, &pool->lock);
    seen = atomic_load(&pool->loop);
    pthread_mutex_unlock(&pool->lock);
    if (atomic_load(&pool->ending)) return NULL;
    run_parts(pool, self->number);
    if (atomic_fetch_sub(&pool->busy, 1) == 1) {
      pthread_mutex_lock(&pool->lock);
      pthread_cond_signal(&pool->finished);
      pthread_mutex_unlock(&pool->lock);
    }
  }
}

static void begin(ap_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  atomic_fetch_add(&pool->loop, 1);
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->lock);
}

ap_pool *ap_pool_create(int32_t threads) {
  ap_pool *pool = calloc(1, sizeof *pool);
  if (!pool) return NULL;
  pool->threads = threads < 1 ? 1 : threads;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->finished, NULL);
  pool->workers = calloc((size_t)pool->threads, sizeof *pool->workers);
  if (!pool->workers) {
    ap_pool_destroy(pool);
    return NULL;
  }
  for (int32_t i = 0; i + 1 < pool->threads; i++) {
    pool->workers[i] = (worker){.pool = pool, .number = i + 1};
    if (pthread_create(&pool->workers[i].thread, NULL, work, &pool->workers[i]) != 0) {
      ap_pool_destroy(pool);
      return NULL;
    }
    pool->started++;
  }
  return pool;
}

void ap_pool_destroy(ap_pool *pool) {
  if (!pool) return;
  atomic_store(&pool->ending, 1);
  begin(pool);
  for (int32_t i = 0; i < pool->started; i++) pthread_join(pool->workers[i].thread, NULL);
  pthread_mutex_destroy(&pool->lock);
  pthread_cond_destroy(&pool->work);
  pthread_cond_destroy(&pool->finished);
  free(pool->workers);
  free(pool);
}

void ap_pool_run(ap_pool *pool, int64_t parts, void (*body)(void *, int64_t, int64_t), void *context) {
  if (pool->started == 0 || parts <= 1) {
    for (int64_t part = 0; part < parts; part++) body(context, part, 0);
    return;
  }
  pool->body = body;
  pool->context = context;
  pool->parts = parts;
  atomic_store(&pool->next, 0);
  atomic_store(&pool->busy, pool->started);
  begin(pool);
  run_parts(pool, 0);
  for (int look = 0; look < LOOKS_BEFORE_SLEEP && atomic_load(&pool->busy) > 0; look++) sched_yield();
  pthread_mutex_lock(&pool->lock);
  while (atomic_load(&pool->busy) > 0) pthread_cond_wait(&pool->finished, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}
