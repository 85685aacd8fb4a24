/* Calls the plugin as the host does. The expected numbers are worked out by hand. */
#include "testing.h"

static ap_matrix matrix(const char *name, ap_axis axis, float *values, const int64_t shape[2],
                        const int64_t strides[2], const ap_tensor *statistics) {
  return (ap_matrix){.struct_size = sizeof(ap_matrix), .axis = axis, .name = name, .repeats = 1, .positions = 1,
                     .weight = tensor(values, shape, strides), .statistics = statistics};
}

/* A statistic of a matrix. Section 4 of the header lists all of them. */
typedef struct {
  const char *name;
  ap_tensor tensor;
} statistic;

enum { MOST = 16 };

/* Gives the statistics of the instance in its order. */
static void give(const ap_descriptor *plugin, void *instance, const statistic *known, ap_tensor given[MOST]) {
  const ap_criterion *criterion = plugin->interface;
  const char *const *asked = criterion->statistics ? criterion->statistics(instance) : plugin->statistics;
  for (int i = 0; i < MOST && asked[i]; i++) {
    const statistic *one = known;
    while (one->name && strcmp(one->name, asked[i])) one++;
    if (!one->name) fprintf(stderr, "add the statistic %s to this test\n", asked[i]), failures++;
    given[i] = one->tensor;
  }
}

int main(void) {
  const ap_host host = {.struct_size = sizeof host, .abi_major = AP_ABI_MAJOR, .set_error = set_error};
  const ap_descriptor *plugin = found(AP_CRITERION);
  const ap_criterion *criterion = plugin->interface;

  /* Two channels: the rows of up_proj and the columns of down_proj. */
  const int64_t shape[] = {2, 2}, strides[] = {2, 1};
  float up[] = {1, -2, 3, 4}, down[] = {5, -6, 7, 8};
  /* Their statistics. The method here asks for none. If yours asks for one, add it to both lists. */
  const int64_t row[] = {1, 2};
  float up_gradient[] = {1, 0, 0, 2}, down_gradient[] = {0, 3, 1, 0}, up_norm[] = {1, 2}, down_norm[] = {3, 4};
  const statistic of_up[] = {{"gradient", tensor(up_gradient, shape, strides)},
                             {"input_norm", tensor(up_norm, row, strides)},
                             {NULL, {0}}};
  const statistic of_down[] = {{"gradient", tensor(down_gradient, shape, strides)},
                               {"input_norm", tensor(down_norm, row, strides)},
                               {NULL, {0}}};
  ap_tensor up_given[MOST] = {{0}}, down_given[MOST] = {{0}};
  const ap_matrix rows = matrix("up_proj", AP_ROWS, up, shape, strides, up_given);
  const ap_matrix columns = matrix("down_proj", AP_COLUMNS, down, shape, strides, down_given);
  const ap_matrix *const matrices[] = {&rows, &columns};
  const int64_t original[] = {0, 1};
  const ap_units units = {.struct_size = sizeof units, .family = "mlp", .count = 2, .original = original,
                          .matrix_count = 2, .matrices = matrices};
  float scores[2] = {0, 0};
  void *instance = NULL;

  CHECK(criterion->create(&host, "{\"power\":1}", &instance) == AP_OK);
  give(plugin, instance, of_up, up_given);
  give(plugin, instance, of_down, down_given);
  CHECK(criterion->score(instance, &host, &model, &units, scores) == AP_OK);
  CHECK(scores[0] == 3.75f); /* (1 + 2 + 5 + 7) / 4 */
  CHECK(scores[1] == 5.25f); /* (3 + 4 + 6 + 8) / 4 */
  criterion->destroy(instance);

  CHECK(criterion->create(&host, "{\"power\":2}", &instance) == AP_OK);
  give(plugin, instance, of_up, up_given);
  give(plugin, instance, of_down, down_given);
  CHECK(criterion->score(instance, &host, &model, &units, scores) == AP_OK);
  CHECK(scores[0] == 19.75f); /* (1 + 4 + 25 + 49) / 4 */
  CHECK(scores[1] == 31.25f); /* (9 + 16 + 36 + 64) / 4 */
  criterion->destroy(instance);

  return result();
}
