/* What the host would do, with numbers worked out by hand. */
#include "adapt_pruner_plugin.h"
#include <stdio.h>

const ap_library *adapt_pruner_plugin(void);

static int failures; /* counted, since assert is gone where NDEBUG is defined */
#define CHECK(claim) \
  do { \
    if (!(claim)) fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim), failures++; \
  } while (0)

static void set_error(const ap_host *host, const char *sentence) {
  (void)host;
  fprintf(stderr, "the plugin says: %s\n", sentence);
}

static ap_matrix matrix(const char *name, ap_axis axis, float *values, const int64_t shape[2],
                        const int64_t strides[2]) {
  return (ap_matrix){
      .struct_size = sizeof(ap_matrix), .axis = axis, .name = name, .repeats = 1, .positions = 1,
      .weight = {.data = values, .device = {1, 0}, .ndim = 2, .dtype = {2, 32, 1},
                 .shape = shape, .strides = strides}};
}

int main(void) {
  const ap_host host = {.struct_size = sizeof host, .abi_major = AP_ABI_MAJOR, .set_error = set_error};
  const ap_model model = {.struct_size = sizeof model, .architecture = "llama", .layer_count = 1};
  const ap_descriptor *plugin = adapt_pruner_plugin()->descriptors[0];
  const ap_criterion *criterion = plugin->interface;
  CHECK(plugin->kind == AP_CRITERION);

  /* Two channels: the rows of up_proj and the columns of down_proj. */
  const int64_t shape[] = {2, 2}, strides[] = {2, 1};
  float up[] = {1, -2, 3, 4}, down[] = {5, -6, 7, 8};
  const ap_matrix rows = matrix("up_proj", AP_ROWS, up, shape, strides);
  const ap_matrix columns = matrix("down_proj", AP_COLUMNS, down, shape, strides);
  const ap_matrix *const matrices[] = {&rows, &columns};
  const int64_t original[] = {0, 1};
  const ap_units units = {.struct_size = sizeof units, .family = "mlp", .count = 2, .original = original,
                          .matrix_count = 2, .matrices = matrices};
  float scores[2] = {0, 0};
  void *instance = NULL;

  CHECK(criterion->create(&host, "{\"power\":1}", &instance) == AP_OK);
  CHECK(criterion->score(instance, &host, &model, &units, scores) == AP_OK);
  CHECK(scores[0] == 3.75f); /* (1 + 2 + 5 + 7) / 4 */
  CHECK(scores[1] == 5.25f); /* (3 + 4 + 6 + 8) / 4 */
  criterion->destroy(instance);

  CHECK(criterion->create(&host, "{\"power\":2}", &instance) == AP_OK);
  CHECK(criterion->score(instance, &host, &model, &units, scores) == AP_OK);
  CHECK(scores[0] == 19.75f); /* (1 + 4 + 25 + 49) / 4 */
  CHECK(scores[1] == 31.25f); /* (9 + 16 + 36 + 64) / 4 */
  criterion->destroy(instance);

  puts(failures ? "failed" : "passed");
  return failures != 0;
}
