/* __SUMMARY__
 *
 *     bias += W[:, left] · mean x[left]
 *
 * The columns `left` are those that leave the output projection W [rows, columns]. x is its input before the cut.
 */
#include "adapt_pruner_plugin.h"

static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options; /* no options, nothing to keep */
  *instance = NULL;
  return AP_OK;
}

static void destroy(void *instance) { (void)instance; }

static float element(const ap_tensor *t, int64_t row, int64_t column) {
  const float *values = (const float *)((const char *)t->data + t->byte_offset);
  return values[row * t->strides[0] + column * t->strides[1]];
}

static ap_status compensate(void *instance, const ap_host *host, const ap_model *model,
                            const ap_projection *projection, float *weight, float *bias) {
  (void)instance, (void)host, (void)model, (void)weight; /* the remaining weights stay as they are */
  const ap_tensor *mean = &projection->statistics[0]; /* [1, columns] */
  for (int64_t row = 0; row < projection->weight.shape[0]; row++) {
    double sum = bias[row]; /* adds_bias answers 1, so there is a bias */
    int64_t next = 0;       /* place in `kept`, which is ascending */
    for (int64_t column = 0; column < projection->weight.shape[1]; column++) {
      if (next < projection->kept_count && projection->kept[next] == column)
        next++;
      else
        sum += (double)element(&projection->weight, row, column) * (double)element(mean, 0, column);
    }
    bias[row] = (float)sum;
  }
  return AP_OK;
}

/* Zero: the means are those of the model before the cut. */
static int32_t follows_cut(void *instance) {
  (void)instance;
  return 0;
}

static int32_t adds_bias(void *instance) {
  (void)instance;
  return 1;
}

static const ap_compensator table = {sizeof table, create, destroy, NULL, follows_cut, adds_bias, compensate};
static const char *const statistics[] = {"input_mean", NULL};
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_COMPENSATOR, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", NULL,
    "{\"type\": \"object\", \"properties\": {}}", statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};

AP_EXPORT const ap_library *adapt_pruner_plugin(void) { return &library; }
