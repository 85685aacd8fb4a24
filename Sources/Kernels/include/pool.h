/* A pool of worker threads that run the parts of one loop. */
#ifndef ADAPT_PRUNER_POOL_H
#define ADAPT_PRUNER_POOL_H

#include <stdint.h>

typedef struct ap_pool ap_pool;

/* `threads` counts the caller's; at least 1. Null if threads cannot be made. */
ap_pool *ap_pool_create(int32_t threads);
void ap_pool_destroy(ap_pool *pool);

/* Calls body(context, part, worker) for each part in 0 ..< parts and returns when all are done. Threads take
 * parts in order. worker is in 0 ..< threads, and no two parts run at once under one number. Not reentrant: one
 * loop at a time, never from within a body. */
void ap_pool_run(ap_pool *pool, int64_t parts, void (*body)(void *context, int64_t part, int64_t worker),
                 void *context);

#endif
