/* __SUMMARY__
 *
 *     share = (now - goal of the iteration) / (what all units cost)
 *     keep  = floor((1 - share) * units), but no fewer than the family's minimum
 *
 * `keep` is rounded down, so that the goal is reached if the minimum allows it.
 */
#include "adapt_pruner_plugin.h"
#include <math.h>

static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options; /* no options, nothing to keep */
  *instance = NULL;
  return AP_OK;
}

static void destroy(void *instance) { (void)instance; }

static ap_status allocate(void *instance, const ap_host *host, const ap_model *model,
                          const ap_allocation *allocation, ap_share *const *shares) {
  (void)instance, (void)model;
  double cost = 0;
  for (int64_t l = 0; l < allocation->layer_count; l++)
    for (int64_t f = 0; f < allocation->layers[l]->family_count; f++) {
      const ap_family *family = allocation->layers[l]->families[f];
      if (family->minimum < 1) { /* the one unit of a whole sublayer or layer stays or leaves */
        host->set_error(host, "there is no share of a whole layer or sublayer; prune attention and mlp");
        return AP_UNSUPPORTED;
      }
      cost += (double)family->count * (double)family->cost;
    }

  const double excess = (double)(allocation->budget->now - allocation->budget->iteration_goal);
  const double share = excess > 0 && cost > 0 ? fmin(1, excess / cost) : 0;

  int64_t next = 0; /* shares are in the order of layers, and of families in each */
  for (int64_t l = 0; l < allocation->layer_count; l++)
    for (int64_t f = 0; f < allocation->layers[l]->family_count; f++) {
      const ap_family *family = allocation->layers[l]->families[f];
      const int64_t least = family->minimum < family->count ? family->minimum : family->count;
      const int64_t keep = (int64_t)floor((1 - share) * (double)family->count);
      ap_share *answer = shares[next++];
      answer->keep = keep > least ? keep : least;
      answer->sparsity =
          family->original_count > 0 ? 1 - (double)answer->keep / (double)family->original_count : 0;
    }
  return AP_OK;
}

/* Zero: the host does not check each iteration's goal. It goes on until the stage's goal is passed. */
static int32_t meets_goal(void *instance) {
  (void)instance;
  return 0;
}

static const ap_allocator table = {sizeof table, create, destroy, NULL, allocate, meets_goal};
static const char *const statistics[] = {NULL}; /* for example "layer_cosine": see section 6 of the header */
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_ALLOCATOR, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", NULL,
    "{\"type\": \"object\", \"properties\": {}}", statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};

AP_EXPORT const ap_library *adapt_pruner_plugin(void) { return &library; }
