#ifndef ADAPT_PRUNER_MEMORY_H
#define ADAPT_PRUNER_MEMORY_H

/* Hands freed memory that the allocator has kept for later back to the system. */
void ap_return_free_memory(void);

#endif
