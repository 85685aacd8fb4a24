/* adapt_pruner_plugin.h: the whole contract between adapt-pruner (the host) and its plugins.
 *
 * THE IDEA. The host owns the model and does the heavy arithmetic; a plugin judges. The plugin names
 * the statistics it needs. The host hands them over one decoder layer at a time, and the plugin writes
 * its answer into memory of the host. It never walks the network. There are five kinds:
 *
 *   criterion   how much does each unit matter?             answers one score per unit
 *   allocator   how much may each layer lose?               answers how many units stay
 *   compensator how do the survivors make up for the loss?  answers new weights of output projections
 *   transform   in which basis is the stream cut?           answers rotations and widths
 *   evaluator   how good is this model?                     answers named metrics
 *
 * A UNIT is a coupled structure: its parts can only leave together. A FAMILY is a sort of unit in one
 * decoder layer:
 *
 *   "mlp"        channel c: row c of gate_proj, row c of up_proj, column c of down_proj
 *   "attention"  KV group g: the rows of key head g in k_proj and of value head g in v_proj; for the query
 *                heads that share them, the rows in q_proj and the columns in o_proj
 *   "attention_block", "mlp_block"   the layer's whole attention, or MLP, with the norm before it. It is one
 *                unit while it is there.
 *   "layer"      everything in the layer. It is one unit while the layer has anything.
 *
 * A PLUGIN LIBRARY is a shared library that exports one symbol, adapt_pruner_plugin. A plugin.json beside it
 * lets the host find it without loading it. To write a criterion, read sections 1 to 5. Examples/criterion-c
 * is a complete one.
 *
 * RULES THAT HOLD EVERYWHERE
 *   Ownership   The host owns everything that it passes. It is valid until the call returns; a plugin copies
 *               what it wants to keep. ap_library and everything it points to is constant and stays valid
 *               until the process ends. The host never unloads a library.
 *   Growth      Every struct that both sides read starts with struct_size: its sizeof where it was compiled.
 *               Structs only grow at their end. A field beyond struct_size does not exist. Before you use a
 *               field that is newer than the ABI's x.0, ask with AP_HAS(pointer, field). Lists of structs
 *               are lists of pointers for the same reason: do not step through structs by sizeof.
 *   Errors      A call that can fail returns ap_status. Before it returns anything but AP_OK, it gives a
 *               sentence to host->set_error. The exception is a status that came from a service of the host:
 *               the host has noted its own sentence then. Nothing throws, exits, prints or longjmps across
 *               this border.
 *   Null        No pointer is null unless it is marked [nullable].
 *   Threads     [host thread]: the host calls it from one thread at a time for one instance, but not always
 *               from the same thread. [any thread]: it may be called at any time, concurrently.
 *   Text        UTF-8 that ends in NUL. Keys and names are ASCII. Option keys are in snake_case.
 *   Same input, same answer: scores may depend only on what is handed in and on the host's random numbers.
 *               Otherwise a run cannot be repeated.
 */
#ifndef ADAPT_PRUNER_PLUGIN_H
#define ADAPT_PRUNER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Structs grow at their ends, so an initializer may end where an older version's struct did. Compilers that do not
 * know the pragma ignore it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* ---------------------------------------------------------------- 1. Words of the contract */

/* A host refuses a library of another major version before it calls anything but the entry (section 5).
 * The lower of the two minor versions holds: neither side uses what came later. */
enum { AP_ABI_MAJOR = 1, AP_ABI_MINOR = 1 };

typedef int32_t ap_status;
enum {
  AP_OK = 0,
  AP_FAILED = 1,          /* the call failed; host->set_error says how                     */
  AP_INVALID_OPTIONS = 2, /* the options do not fit; host->set_error names key and reason  */
  AP_UNSUPPORTED = 3,     /* the plugin does not support this model, family or statistic   */
  AP_CANCELLED = 4,       /* the plugin saw host->is_cancelled and stopped                 */
  AP_OUT_OF_MEMORY = 5
};

/* True if the struct that `pointer` points to is long enough to have `field`. */
#define AP_HAS(pointer, field)                                                     \
  ((size_t)(pointer)->struct_size >=                                               \
   (size_t)((const char *)(&(pointer)->field + 1) - (const char *)(pointer)))

/* A tensor in memory. Its fields are those of DLPack's DLTensor (dlpack.h, v1), so libraries that know DLPack
 * can wrap it. In this version the host hands out C-contiguous float32 on the CPU only (device 1, 0; dtype 2,
 * 32, 1). Read the strides all the same. Element (i, j) of a matrix is at
 *   ((const float *)((const char *)data + byte_offset))[i * strides[0] + j * strides[1]]. */
typedef struct ap_tensor {
  void *data;
  struct { int32_t type; int32_t id; } device;
  int32_t ndim;
  struct { uint8_t code; uint8_t bits; uint16_t lanes; } dtype;
  const int64_t *shape;   /* [ndim] */
  const int64_t *strides; /* [ndim], counted in elements */
  uint64_t byte_offset;
} ap_tensor;

/* ---------------------------------------------------------------- 2. What the host offers */

typedef int32_t ap_log_level;
enum { AP_LOG_DEBUG = 0, AP_LOG_INFO = 1, AP_LOG_WARNING = 2, AP_LOG_ERROR = 3 };

/* Token sequences that the host has read and tokenized. They are valid until the call that opened them ends. */
typedef struct ap_corpus {
  uint32_t struct_size;
  const char *name;             /* the data's name; a metric's name has it: wikitext2.token_perplexity@512 */
  int64_t document_count;       /* a text file is one document; a JSONL file has one per line */
  const int32_t *const *tokens; /* [document_count], each [lengths[i]] token ids without special tokens */
  const int64_t *lengths;       /* [document_count] */
} ap_corpus;

/* The host's services. Every call gets them. `host` itself is the first argument of each service. */
typedef struct ap_host ap_host;
struct ap_host {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  void *context; /* the host's own */

  /* Says in one sentence why the call is about to fail. The host copies it. The last one counts. [any thread] */
  void (*set_error)(const ap_host *host, const char *sentence);

  /* Writes a line to the run's event log. The user sees it from AP_LOG_INFO up. [any thread] */
  void (*log)(const ap_host *host, ap_log_level level, const char *sentence);

  /* Reports the progress of the current call: `done` of `total`, in units of the plugin's choice. An unknown total is
   * 0. The user sees it beside the progress of the stage. [any thread] */
  void (*progress)(const ap_host *host, int64_t done, int64_t total);

  /* Non-zero after the user has asked to stop: return AP_CANCELLED soon. [any thread] */
  int32_t (*is_cancelled)(const ap_host *host);

  /* Writes `count` numbers to `out`, uniform in [0, 1). They depend only on the run's seed, the plugin's id and
   * `stream`. So the same stream gives the same numbers, whatever was drawn before. A criterion that wants other
   * numbers for each layer makes the layer part of the stream. [any thread] */
  void (*random_uniform)(const ap_host *host, uint64_t stream, float *out, int64_t count);

  /* C = alpha * op(A) * op(B) + beta * C, on the host's threads. op(A) is [m, k], op(B) is [k, n], C is [m, n].
   * Matrices are row-major with the row lengths lda, ldb and ldc. If transpose_x is non-zero, op(X) = Xᵀ.
   * [any thread] */
  ap_status (*sgemm)(const ap_host *host, int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n,
                     int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                     float beta, float *c, int64_t ldc);

  /* The next two are for evaluators only. They answer AP_UNSUPPORTED to other kinds. */

  /* Opens the data of a data option: its schema has "format": "adapt-pruner-data". `option` is the option's key.
   * The caller sets out->struct_size first. [host thread] */
  ap_status (*open_data)(const ap_host *host, const char *option, ap_corpus *out);

  /* Computes natural log-likelihoods under the evaluated model. Sequence i is tokens[i][0 ..< lengths[i]], read
   * from position 0. out[i] has lengths[i] - first[i] elements: out[i][t - first[i]] =
   * ln p(tokens[t] | tokens[0 ..< t]) for t from first[i] (at least 1) to lengths[i] - 1. Give as many sequences
   * as you can in one call: the host batches them, layer by layer. [host thread] */
  ap_status (*log_likelihood)(const ap_host *host, int64_t count, const int32_t *const *tokens,
                              const int64_t *lengths, const int64_t *first, float *const *out);

  /* Linear algebra in double precision (LAPACK's). Matrices are packed and row-major. A [n, n] is symmetric; only
   * its lower triangle is read. Where A has to be positive definite and is not, the answer is AP_FAILED.
   * [any thread] */

  /* Overwrites B [rows, n] with B A⁻¹. A is positive definite. */
  ap_status (*solve_positive)(const ap_host *host, int64_t n, const double *a, int64_t rows, double *b);

  /* Overwrites A, which is positive definite, with both triangles of A⁻¹. */
  ap_status (*invert_positive)(const ap_host *host, int64_t n, double *a);

  /* Overwrites A with orthonormal eigenvectors, one per row. `values` [n] gets their eigenvalues, largest first.
   * The sign of an eigenvector is the one that LAPACK answers. */
  ap_status (*eigen_symmetric)(const ap_host *host, int64_t n, double *a, double *values);
};

/* ---------------------------------------------------------------- 3. What a model looks like */

/* The sizes of the current model, as it is now. Valid during the call. */
typedef struct ap_model {
  uint32_t struct_size;
  const char *architecture; /* "llama", "mistral", "qwen2", "qwen3" */
  int64_t layer_count, hidden_size, vocabulary_size;
  int64_t parameters;          /* now. A tied embedding counts once. */
  int64_t original_parameters; /* before any pruning */
} ap_model;

/* ---------------------------------------------------------------- 4. Criteria */

/* STATISTICS that a criterion can ask for. Its descriptor names them. A criterion that asks for none needs no
 * calibration data.
 *
 * For each weight matrix W [rows, columns]:
 *
 *   "gradient"          [rows, columns]: the sum over mini-batches of the gradient of the mini-batch's mean
 *                       cross-entropy. It is summed, not averaged, as in LLM-Pruner and Adapt-Pruner. It costs a
 *                       backward pass.
 *   "gradient_square"   [rows, columns]: the mean over single calibration sequences of the squared gradient of the
 *                       sequence's mean cross-entropy (LLM-Pruner's diagonal second order). It costs another
 *                       backward pass.
 *
 * For the input x of each weight matrix, where y = x Wᵀ; [1, columns], from a forward pass:
 *
 *   "input_mean"        mean over all tokens of x
 *   "input_variance"    mean over all tokens of (x - mean)²
 *   "input_fluctuation" FLAP's running variance over sequences, exactly as its code computes it
 *   "input_norm"        √(mean over sequences of the sum over their tokens of x²), Wanda's ‖x‖₂
 *   "input_magnitude"   √(sum over sequences of (mean over their tokens of |x|)²), Minitron's activation
 *
 * For the inputs of the matrices with axis AP_COLUMNS only, o_proj and down_proj, because it is large:
 *
 *   "input_gram"        [columns, columns]: mean over all tokens of xᵀ x
 *
 * For the outputs of the same two matrices; [rows, rows]. Each costs another backward pass:
 *
 *   "output_gradient_gram" mean over all tokens of gᵀ g. g is the gradient of the sum of the sequence's
 *                       cross-entropies at the output. Together with the input's Gram matrix it gives the
 *                       empirical Fisher matrix, factored.
 *   "output_fisher"     the same with next tokens drawn from the model's own predictions by the run's seed. It gives
 *                       the true Fisher matrix.
 *
 * For units that are whole sublayers or layers ("attention_block", "mlp_block", "layer"); [count]:
 *
 *   "block_cosine"      mean over all tokens of cos(before, after), where the residual stream passes the unit
 *
 *   The next two are from the model's output without the unit, with one forward pass per unit. z are the logits of
 *   the whole model: before any unit left it since its weights last changed. z' are the logits of the model as it is
 *   now, without the unit.
 *
 *   "removal_angle"     mean over all tokens of arccos(cos(z, z')) / pi
 *   "removal_norm"      mean over sequences of the root of the sum over their tokens of ‖z - z'‖² */

typedef int32_t ap_axis;
enum { AP_ROWS = 0, AP_COLUMNS = 1 };

/* One weight matrix of a family, as far as that family's units share it.
 *
 * Unit u owns whole rows (axis AP_ROWS) or whole columns (AP_COLUMNS), those with the indices
 *   (u * repeats + r) * positions + p      for r in 0 ..< repeats, p in 0 ..< positions.
 * For "mlp", repeats = positions = 1. For "attention", positions is the head's dimension; repeats is 1 in k_proj and
 * v_proj, and the number of query heads per group in q_proj and o_proj. For "attention_block", "mlp_block" and
 * "layer", the axis is AP_ROWS, positions is 1 and repeats is the number of rows: the one unit, 0, owns every row. */
typedef struct ap_matrix {
  uint32_t struct_size;
  ap_axis axis;
  const char *name;            /* "gate_proj", "up_proj", "down_proj"; "q_proj", "k_proj", "v_proj", "o_proj" */
  int64_t repeats, positions;
  ap_tensor weight;            /* [rows, columns], as stored: y = x Wᵀ */
  const ap_tensor *statistics; /* in the order of the criterion; `data` is null for one that this matrix does not
                                  have, because it is of units or of other matrices */
} ap_matrix;

/* The units of one family of one layer, to be scored. */
typedef struct ap_units {
  uint32_t struct_size;
  const char *family;       /* "attention", "mlp", "attention_block", "mlp_block" or "layer" */
  int64_t layer;            /* 0 is the layer after the embedding */
  int64_t count;            /* units that are there; those pruned earlier are gone */
  const int64_t *original;  /* [count]: each unit's index in the unpruned model */
  int64_t matrix_count;
  const ap_matrix *const *matrices; /* [matrix_count]. attention: k, v, q, o. mlp: gate, up, down. Blocks: the
                                       same. layer: attention's, then mlp's, as far as they are there. */
  const ap_tensor *statistics; /* in the order of the criterion; `data` is null for one that units do not have, because
                                  it is of matrices */
} ap_units;

typedef struct ap_criterion {
  uint32_t struct_size;

  /* Makes an instance. `options` is a JSON object that fits the descriptor's schema, with defaults filled in. On
   * AP_OK, *instance belongs to the plugin. The host passes it to the calls below. [host thread] */
  ap_status (*create)(const ap_host *host, const char *options, void **instance);

  /* Called once for each instance. [any thread, while no other call runs] */
  void (*destroy)(void *instance);

  /* The statistics that this instance needs with its options, with a null pointer at the end. They are a subset of
   * the descriptor's. `statistics` of each matrix will be in this order. The list is valid as long as the instance.
   * A null function means all of the descriptor's. [nullable] [host thread] */
  const char *const *(*statistics)(void *instance);

  /* Writes a score for each unit. A higher score means that the unit matters more. All scores must be finite. The
   * host calls it in each iteration, for every family of every layer that has units. Layers come in order, from the
   * last to the first or from the first to the last, as the statistics are gathered. [host thread] */
  ap_status (*score)(void *instance, const ap_host *host, const ap_model *model, const ap_units *units,
                     float *scores /* [units->count] */);

  /* Since 1.1. Non-zero: with its options, this instance's scores compare across families. Then
   * ap_descriptor.scores_compare must be non-zero too; see there. A null function: as the descriptor says.
   * [nullable] [host thread] */
  int32_t (*scores_compare)(void *instance);
} ap_criterion;

/* ---------------------------------------------------------------- 5. Descriptors, and the one symbol */

typedef int32_t ap_kind;
enum { AP_CRITERION = 1, AP_ALLOCATOR = 2, AP_EVALUATOR = 3, AP_COMPENSATOR = 4, AP_TRANSFORM = 5 };

/* The description of one plugin, known before any instance exists. */
typedef struct ap_descriptor {
  uint32_t struct_size;
  ap_kind kind;
  const char *id;             /* "publisher.name", lower case: letters, digits, '-' and one '.' */
  const char *version;        /* "1.0.0" */
  const char *summary;        /* one sentence */
  const char *licence;        /* an SPDX expression */
  const char *paper;          /* where the method is published. [nullable] */
  const char *options_schema; /* JSON Schema of an object. A property may have: type, enum, default,
                                 minimum, exclusiveMinimum, maximum, items, minItems, description, and
                                 "format": "adapt-pruner-data". The object may have: required. The host
                                 refuses an option that the schema does not name. */
  const char *const *statistics; /* all that it may ask for, with a null pointer at the end */
  const void *interface;      /* ap_criterion, ap_allocator, ap_evaluator, ap_compensator or ap_transform,
                                 as `kind` says */

  /* Since 1.1, for criteria. Non-zero: scores compare across families, with some options at least. A score then says
   * what is lost with the unit, in one measure for all: the change of the loss, for example. A KV group and a channel
   * can be ranked together by score for each parameter. Zero: a score ranks the units of one family of one layer. A
   * library of version 1.0 counts as zero. */
  int32_t scores_compare;
} ap_descriptor;

/* The first three fields are the same in every major version, so that a host can always read the version. */
typedef struct ap_library {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor; /* AP_ABI_MAJOR, AP_ABI_MINOR where it was compiled */
  int64_t count;
  const ap_descriptor *const *descriptors; /* [count] */
} ap_library;

/* The host looks up the exported function
 *
 *   const ap_library *adapt_pruner_plugin(void);
 *
 * It only returns the address of a constant. It is a function because not every language can export a constant
 * struct. [any thread] */
#define AP_ENTRY_SYMBOL "adapt_pruner_plugin"
typedef const ap_library *(*ap_entry)(void);

#if defined(_WIN32)
#define AP_EXPORT __declspec(dllexport)
#else
#define AP_EXPORT __attribute__((visibility("default")))
#endif

/* ---------------------------------------------------------------- 6. Allocators */

/* STATISTICS that an allocator can ask for: one number per layer. x enters the decoder layer and y leaves it. A
 * measure between x and y is averaged over tokens and summed over mini-batches. It comes from the same forward pass
 * as the gradients.
 *
 *   "layer_cosine"      cos(x, y)
 *   "layer_euclidean"   ‖y − x‖₂
 *   "layer_manhattan"   ‖y − x‖₁ */

/* One family of one layer, before this iteration's cut. */
typedef struct ap_family {
  uint32_t struct_size;
  const char *name;          /* as in ap_units */
  int64_t count;             /* units now; 0 if the whole sublayer, or layer, was removed */
  int64_t original_count;    /* units in the unpruned model */
  int64_t positions;         /* rows that a unit counts in the published code: head dimension, or 1 */
  int64_t cost;              /* the cost of one unit, in the budget's measure */
  int64_t minimum;           /* the fewest units that may stay; if `count` is smaller, that count. It is 1, or more if
                                the stage rounds widths. It is 0 for "attention_block", "mlp_block" and "layer": the
                                host lets all of them leave but the model's last. */
  double previous_sparsity;  /* this allocator's answer in the previous iteration; in a stage's first iteration, the
                                share of the original units that is gone already */
  const float *scores;       /* [count], from the criterion */
} ap_family;

typedef struct ap_layer {
  uint32_t struct_size;
  int64_t family_count;
  const ap_family *const *families; /* [family_count] */
  const double *statistics;         /* in the order asked for */
} ap_layer;

/* The budget, in the measure of the user's target: parameters, or multiply-accumulates per token. `now` counts all
 * units of all layers and what never leaves: embeddings, norms and the head. Each removed unit lowers it by its
 * family's cost. */
typedef struct ap_budget {
  uint32_t struct_size;
  const char *measure;  /* "parameters" or "macs" */
  int64_t now;          /* before this iteration */
  int64_t original;     /* of the unpruned model */
  int64_t goal;         /* of the whole stage */
  int64_t iteration_goal; /* of this iteration: on the way from the stage's start to `goal`. If meets_goal answers
                             zero, it is `goal`. */
  int64_t iteration;    /* from 0 */
  int64_t iterations;   /* that the stage plans; if meets_goal answers zero there may be more */
} ap_budget;

typedef struct ap_allocation {
  uint32_t struct_size;
  const ap_budget *budget;
  int64_t layer_count;
  const ap_layer *const *layers; /* [layer_count] */

  /* Since 1.1. Non-zero: the criterion says that its scores compare across families. Zero: rank units within a family
   * only. A host of version 1.0 does not have the field; it counts as zero. */
  int32_t scores_compare;
} ap_allocation;

/* The answer for one family. Families are in the order layers[0].families, layers[1].families, … */
typedef struct ap_share {
  uint32_t struct_size;
  double sparsity;          /* the share of the *original* units meant to be gone, in [0, 1]. It comes back as
                               previous_sparsity, and the run records it as the target sparsity. */
  int64_t keep;             /* units that stay: minimum ... count. The lowest scores leave. */
} ap_share;

typedef struct ap_allocator {
  uint32_t struct_size;
  ap_status (*create)(const ap_host *host, const char *options, void **instance); /* as a criterion's */
  void (*destroy)(void *instance);
  const char *const *(*statistics)(void *instance); /* as a criterion's. [nullable] */

  /* Fills the structs of `shares`, one for each family of each layer. The host has set their struct_size.
   * [host thread] */
  ap_status (*allocate)(void *instance, const ap_host *host, const ap_model *model,
                        const ap_allocation *allocation, ap_share *const *shares);

  /* Non-zero: this instance ends each iteration at its iteration_goal, or less than one unit of the dearest family below
   * it. It removes nothing if `now` is there already. The host refuses any other answer. Zero: it goes its own way, like
   * the published rules, and the host goes on until the goal is passed. [host thread] */
  int32_t (*meets_goal)(void *instance);
} ap_allocator;

/* ---------------------------------------------------------------- 7. Evaluators */

/* Takes an evaluator's results. Each call copies. `sink` itself is the first argument. */
typedef struct ap_metrics ap_metrics;
struct ap_metrics {
  uint32_t struct_size;
  void *context; /* the host's own */

  /* Reports a number with its standard error; NaN means that it has none. `name` is its definition:
   * wikitext2.token_perplexity@512. `lower_is_better` is non-zero if lower is better. The value must not be NaN. It may
   * be infinite only if that is worse than any number, like a perplexity that overflows. [host thread] */
  void (*metric)(const ap_metrics *sink, const char *name, double value, double standard_error,
                 int32_t lower_is_better);

  /* Reports one item's share of a metric, for example a window's mean negative log-likelihood. Two models can then be
   * compared item by item. Items of one name are numbered from 0 in the order of the calls. NaN is not allowed.
   * [host thread] */
  void (*item)(const ap_metrics *sink, const char *name, double value);
};

typedef struct ap_evaluator {
  uint32_t struct_size;
  ap_status (*create)(const ap_host *host, const char *options, void **instance); /* as a criterion's */
  void (*destroy)(void *instance);

  /* Measures the model through host->open_data and host->log_likelihood. [host thread] */
  ap_status (*evaluate)(void *instance, const ap_host *host, const ap_model *model, const ap_metrics *sink);
} ap_evaluator;

/* ---------------------------------------------------------------- 8. Compensators */

/* The units that leave take their columns out of the family's output projection: down_proj of channels, o_proj of KV
 * groups. A compensator may change the remaining columns and add a bias, so that the projection's output stays nearly
 * the same. The host calls it layer after layer from the first, attention before mlp, for each pruned family that lost
 * units. If follows_cut is non-zero, it also calls it for families behind the first cut that lost no units. They can
 * make up for their changed inputs.
 *
 * STATISTICS that it can ask for. x are the projection's inputs from all units, with those that leave (y = x Wᵀ + b).
 * t is the target output of the projection.
 *
 *   "input_mean"      [1, columns]        mean over all calibration tokens of x
 *   "input_gram"      [columns, columns]  mean of xᵀ x
 *   "target_mean"     [1, rows]           mean of t
 *   "target_product"  [rows, columns]     mean of tᵀ x
 *
 * If follows_cut answers zero, the earlier layers are as they were, and t is the projection's output x Wᵀ + b. Otherwise
 * they are cut and compensated already. Then t brings the residual stream behind the projection to where it was in the
 * model before the stage's first cut. */

/* An output projection that is about to lose columns. */
typedef struct ap_projection {
  uint32_t struct_size;
  const char *family;   /* "attention" or "mlp" */
  int64_t layer;
  const char *name;     /* "o_proj" or "down_proj" */
  ap_tensor weight;     /* [rows, columns]: the columns that are there before this cut, with their values from
                           before it. If follows_cut is non-zero, the values are from before the stage's first cut. */
  const float *bias;    /* [rows]; null if the projection has none. [nullable] */
  int64_t kept_count;
  const int64_t *kept;  /* [kept_count]: the columns that stay, ascending */
  const ap_tensor *statistics; /* in the order asked for */
} ap_projection;

typedef struct ap_compensator {
  uint32_t struct_size;
  ap_status (*create)(const ap_host *host, const char *options, void **instance); /* as a criterion's */
  void (*destroy)(void *instance);
  const char *const *(*statistics)(void *instance); /* as a criterion's. [nullable] */

  /* Non-zero: a projection's inputs come from the earlier layers as cut and compensated, layer by layer. Zero: they come
   * from the model before the cut. [host thread] */
  int32_t (*follows_cut)(void *instance);

  /* Non-zero: every output projection of a pruned family gets a bias. [host thread] */
  int32_t (*adds_bias)(void *instance);

  /* Changes `weight` [rows, kept_count], which holds the kept columns, and `bias` [rows], which holds the bias or zeros.
   * `bias` is null if the projection has none and adds_bias answers zero. All values must be finite afterwards.
   * [host thread] */
  ap_status (*compensate)(void *instance, const ap_host *host, const ap_model *model,
                          const ap_projection *projection, float *weight, float *bias /* [nullable] */);
} ap_compensator;

/* ---------------------------------------------------------------- 9. Transforms */

/* A transform makes the residual stream narrower (SliceGPT). The stream has a PLACE before each attention, before each
 * MLP and before the head. At each place the stream is turned into the place's own basis and keeps only its first
 * columns. The host folds the norms' weights into the matrices behind them. It takes the calibration tokens through the
 * model layer by layer, as sliced so far, and rewrites the matrices. Between the bases of two places it adds a shortcut
 * matrix [width here, width at the next place] beside the sublayer.
 *
 * The order of calls is: fixes_widths, centers_embeddings and normalises_tokens; then widths once; then orient for each
 * place from the first.
 *
 * STATISTICS that it can ask for:
 *
 *   "residual_energies"  for each place, [hidden_size]: the eigenvalues of the mean over all calibration tokens of xᵀx,
 *                        largest first, in the model before anything is sliced. It costs a forward pass. */

typedef struct ap_place {
  uint32_t struct_size;
  const char *name;       /* the reader of the stream here: "attention", "mlp" or "head" */
  int64_t layer;          /* for "head", the number of layers. A removed sublayer has no place. */
  int64_t cost;           /* the cost of each column here in the budget's measure, without shortcuts */
  const double *energies; /* [hidden_size]; null unless the instance asks for them. [nullable] */
} ap_place;

/* The size with given widths is
 *   fixed + sum of cost * width over all places + sum of width * (width at the next place). */
typedef struct ap_residual {
  uint32_t struct_size;
  const char *measure;   /* "parameters" or "macs" */
  int64_t hidden_size;
  int64_t fixed;         /* the part that no width changes */
  int64_t original;      /* of the unpruned model */
  int64_t goal;          /* the largest size that may be left; -1 if there is no goal, because fixes_widths answers non-zero */
  int64_t place_count;
  const ap_place *const *places; /* [place_count], in the order of the forward pass, "head" last */
} ap_residual;

/* The residual stream at one place, as sliced so far. It is in the model's own basis. */
typedef struct ap_gram {
  uint32_t struct_size;
  const ap_place *place; /* energies as above */
  int64_t hidden_size;
  int64_t width;         /* columns that stay, as `widths` answered */
  int64_t tokens;
  const double *gram;    /* [hidden_size, hidden_size]: mean over all tokens of xᵀx, both triangles */
} ap_gram;

typedef struct ap_transform {
  uint32_t struct_size;
  ap_status (*create)(const ap_host *host, const char *options, void **instance); /* as a criterion's */
  void (*destroy)(void *instance);
  const char *const *(*statistics)(void *instance); /* as a criterion's. [nullable] */

  /* Non-zero: the options say how wide the stream becomes, and the stage has no target. Zero: the stage has one.
   * [host thread] */
  int32_t (*fixes_widths)(void *instance);

  /* Non-zero: the mean of each token's embedding is subtracted from its elements first. [host thread] */
  int32_t (*centers_embeddings)(void *instance);

  /* Non-zero: energies and Gram matrices are of x / rms(x), the output of a norm without weights. Every token counts
   * alike. Zero: they are of x itself. A few tokens may outweigh all others. [host thread] */
  int32_t (*normalises_tokens)(void *instance);

  /* Writes how many columns stay at each place, from 1 to hidden_size. With a goal, the size must be at most the goal.
   * Widths come before orient, because the file that the host writes on the way states its shapes first. [host thread] */
  ap_status (*widths)(void *instance, const ap_host *host, const ap_model *model, const ap_residual *residual,
                      int64_t *widths /* [place_count] */);

  /* Writes an orthonormal basis, one direction per row. The `width` rows that stay come first. [host thread] */
  ap_status (*orient)(void *instance, const ap_host *host, const ap_model *model, const ap_gram *gram,
                      double *basis /* [hidden_size, hidden_size] */);
} ap_transform;

#ifdef __cplusplus
}
#endif

#endif /* ADAPT_PRUNER_PLUGIN_H */
