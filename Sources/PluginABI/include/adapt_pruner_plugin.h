/* adapt_pruner_plugin.h: all that a plugin of adapt-pruner needs, and all that it may see.
 *
 * THE IDEA. The host owns the model and does the heavy arithmetic; a plugin judges. It says which
 * statistics it needs, is handed them one decoder layer at a time, and writes its answer into
 * memory that the host hands in. It never walks the network. Five kinds exist:
 *
 *   criterion   how much does each unit matter?           answers one score a unit
 *   allocator   how much may each layer lose?             answers how many units stay
 *   compensator how do the survivors make up for it?      answers new weights of output projections
 *   transform   in which basis shall we cut?              answers rotations and widths
 *   evaluator   how good is this model?                   answers named metrics
 *
 * A UNIT is a coupled structure, things that can only leave together. A FAMILY is a sort of unit
 * in one decoder layer:
 *
 *   "mlp"        channel c: row c of gate_proj, row c of up_proj, column c of down_proj
 *   "attention"  KV group g: the rows of key head g in k_proj and of value head g in v_proj, and the
 *                rows in q_proj and columns in o_proj of the query heads that share them
 *   "attention_block", "mlp_block"   the layer's whole attention, or MLP, with the norm before it: one unit
 *                while it is there
 *   "layer"      all that the layer has: one unit as long as it has anything
 *
 * A PLUGIN LIBRARY is a shared library that exports one symbol, adapt_pruner_plugin, and a
 * plugin.json beside it by which the host finds it without loading it. To write a criterion, read
 * sections 1 to 5; Examples/criterion-c is a whole one.
 *
 * RULES THAT HOLD EVERYWHERE
 *   Ownership   Whatever the host passes is the host's, and borrowed until the call returns: a plugin
 *               copies what it wants to keep. What a plugin's library describes (ap_library and all it
 *               points to) is constant and stays valid until the process ends. Libraries are never unloaded.
 *   Growth      Every struct that both sides read starts with struct_size, the sizeof it had where it was
 *               compiled. Structs only grow at their end. A field beyond struct_size does not exist:
 *               ask with AP_HAS(pointer, field) before using one that is newer than the ABI's x.0.
 *               For the same reason lists of structs are lists of pointers: sizeof is no step through them.
 *   Errors      A call that can fail returns ap_status. Before it returns anything but AP_OK it gives a
 *               sentence to host->set_error, unless it passes on what a service of the host answered: the
 *               host has noted its own sentence then. Nothing throws, exits, prints, or longjmps across
 *               this border.
 *   Null        No pointer is null unless it is marked [nullable].
 *   Threads     [host thread]: the host calls it from one thread at a time for one instance, not always
 *               the same one. [any thread]: may be called at any time, concurrently.
 *   Text        UTF-8, ending in NUL. Keys and names are ASCII, snake_case where they are option keys.
 *   Same input, same answer: scores may depend on what is handed in and on the host's random numbers,
 *               on nothing else, or a run cannot be repeated.
 */
#ifndef ADAPT_PRUNER_PLUGIN_H
#define ADAPT_PRUNER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Structs grow at their ends: an initializer that ends where an older version's did is right. Compilers that do not know
 * the pragma pass it over. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* ---------------------------------------------------------------- 1. Words of the contract */

/* A host refuses a library of another major version before it calls anything but the entry (section 5).
 * Of the two minor versions the lower one holds: neither side uses what came later. */
enum { AP_ABI_MAJOR = 1, AP_ABI_MINOR = 1 };

typedef int32_t ap_status;
enum {
  AP_OK = 0,
  AP_FAILED = 1,          /* it went wrong; host->set_error says how                       */
  AP_INVALID_OPTIONS = 2, /* the options do not fit; host->set_error names key and reason   */
  AP_UNSUPPORTED = 3,     /* this model, family or statistic is not this plugin's            */
  AP_CANCELLED = 4,       /* the plugin saw host->is_cancelled and stopped                   */
  AP_OUT_OF_MEMORY = 5
};

/* True if the struct that `pointer` points to is long enough to have `field`. */
#define AP_HAS(pointer, field)                                                     \
  ((size_t)(pointer)->struct_size >=                                               \
   (size_t)((const char *)(&(pointer)->field + 1) - (const char *)(pointer)))

/* A tensor in memory, field by field DLPack's DLTensor (dlpack.h, v1), so that libraries which know that
 * can wrap it. In this version the host hands out float32 on the CPU only (device 1, 0; dtype 2, 32, 1),
 * C-contiguous; read strides all the same. Element (i, j) of a matrix is at
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

/* Token sequences that the host has read and tokenized; borrowed until the call that opened them ends. */
typedef struct ap_corpus {
  uint32_t struct_size;
  const char *name;             /* the data's name: part of a metric's name, as in wikitext2.token_perplexity@512 */
  int64_t document_count;       /* a text file is one document; a JSONL file has one a line */
  const int32_t *const *tokens; /* [document_count], each [lengths[i]] token ids, no special tokens added */
  const int64_t *lengths;       /* [document_count] */
} ap_corpus;

/* The host's services, handed to every call. `host` itself is the first argument of each of them. */
typedef struct ap_host ap_host;
struct ap_host {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  void *context; /* the host's own */

  /* Why the call is about to fail: one sentence. The host copies it; the last one counts. [any thread] */
  void (*set_error)(const ap_host *host, const char *sentence);

  /* A line for the run's event log, shown to the user from AP_LOG_INFO up. [any thread] */
  void (*log)(const ap_host *host, ap_log_level level, const char *sentence);

  /* How far the current call is, done of total, in units of the plugin's choice; total is 0 if it is unknown. The
   * user sees it beside the progress of the stage. [any thread] */
  void (*progress)(const ap_host *host, int64_t done, int64_t total);

  /* Non-zero once the user has asked to stop: return AP_CANCELLED soon. [any thread] */
  int32_t (*is_cancelled)(const ap_host *host);

  /* `count` numbers uniform in [0, 1) into `out`. They depend on the run's seed, the plugin's id and
   * `stream` alone, so that the same stream gives the same numbers whatever was drawn before. A criterion
   * that wants other numbers for each layer makes the layer part of the stream. [any thread] */
  void (*random_uniform)(const ap_host *host, uint64_t stream, float *out, int64_t count);

  /* C = alpha * op(A) * op(B) + beta * C on the host's threads; op(A) is [m, k], op(B) [k, n], C [m, n];
   * matrices are row-major with the row lengths lda, ldb, ldc; transpose_x non-zero: op(X) = Xᵀ.
   * [any thread] */
  ap_status (*sgemm)(const ap_host *host, int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n,
                     int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                     float beta, float *c, int64_t ldc);

  /* The next two serve evaluators only and answer AP_UNSUPPORTED elsewhere. */

  /* Reads what a data option says (an option whose schema has "format": "adapt-pruner-data"). `option` is
   * the option's key. The caller has set out->struct_size. [host thread] */
  ap_status (*open_data)(const ap_host *host, const char *option, ap_corpus *out);

  /* Natural log-likelihoods under the model being evaluated. Sequence i is tokens[i][0 ..< lengths[i]],
   * read from position 0. out[i] has lengths[i] - first[i] elements: out[i][t - first[i]] =
   * ln p(tokens[t] | tokens[0 ..< t]) for t from first[i] (at least 1) to lengths[i] - 1. Give as many
   * sequences as you can at once: the host batches them, layer by layer. [host thread] */
  ap_status (*log_likelihood)(const ap_host *host, int64_t count, const int32_t *const *tokens,
                              const int64_t *lengths, const int64_t *first, float *const *out);

  /* Linear algebra in double precision (LAPACK's). Matrices are packed and row-major; of a symmetric one, A
   * [n, n], the lower triangle is read. A matrix that is not positive definite is AP_FAILED. [any thread] */

  /* B [rows, n] is overwritten by B A⁻¹, A positive definite. */
  ap_status (*solve_positive)(const ap_host *host, int64_t n, const double *a, int64_t rows, double *b);

  /* A, positive definite, is overwritten by A⁻¹, both triangles. */
  ap_status (*invert_positive)(const ap_host *host, int64_t n, double *a);

  /* A is overwritten by orthonormal eigenvectors, one a row; values [n] are theirs, the largest first. The
   * sign of an eigenvector is whatever LAPACK answers. */
  ap_status (*eigen_symmetric)(const ap_host *host, int64_t n, double *a, double *values);
};

/* ---------------------------------------------------------------- 3. What a model looks like */

/* Sizes of the model at hand, as it is now. Valid during the call. */
typedef struct ap_model {
  uint32_t struct_size;
  const char *architecture; /* "llama", "mistral", "qwen2", "qwen3" */
  int64_t layer_count, hidden_size, vocabulary_size;
  int64_t parameters;          /* now; a tied embedding counts once */
  int64_t original_parameters; /* before any pruning */
} ap_model;

/* ---------------------------------------------------------------- 4. Criteria */

/* STATISTICS a criterion can ask for, by name, in its descriptor. A criterion that asks for none needs no
 * calibration data.
 *
 * Of each weight matrix W [rows, columns]:
 *
 *   "gradient"          [rows, columns]: the sum over mini-batches of the gradient of each mini-batch's mean
 *                       cross-entropy (summed, not averaged, as LLM-Pruner and Adapt-Pruner have it); costs a
 *                       backward pass
 *   "gradient_square"   [rows, columns]: the mean over single calibration sequences of the squared gradient of
 *                       that sequence's mean cross-entropy (LLM-Pruner's diagonal second order); another one
 *
 * Of each weight matrix's inputs x, where y = x Wᵀ; of a forward pass, [1, columns]:
 *
 *   "input_mean"        mean over all tokens of x
 *   "input_variance"    mean over all tokens of (x - mean)²
 *   "input_fluctuation" FLAP's running variance over sequences, exactly as its code computes it
 *   "input_norm"        √(mean over sequences of the sum over their tokens of x²), Wanda's ‖x‖₂
 *   "input_magnitude"   √(sum over sequences of (mean over their tokens of |x|)²), Minitron's activation
 *
 * Of the inputs of the matrices with axis AP_COLUMNS, o_proj and down_proj, alone, since it is large:
 *
 *   "input_gram"        [columns, columns]: mean over all tokens of xᵀ x
 *
 * Of the outputs of the same two matrices, [rows, rows]; another backward pass each:
 *
 *   "output_gradient_gram" mean over all tokens of gᵀ g, with g the gradient at the output of the sum of the
 *                       sequence's cross-entropies: with the input's Gram matrix the empirical Fisher matrix, factored
 *   "output_fisher"     the same, with next tokens drawn from the model's own predictions (by the run's seed): the
 *                       true Fisher matrix
 *
 * Of units that are whole sublayers or layers ("attention_block", "mlp_block", "layer"), [count]:
 *
 *   "block_cosine"      mean over all tokens of cos(before, after), where the residual stream goes through it
 *
 *   and, from the output of the model without the unit (one forward pass a unit), with z the logits of the whole model,
 *   from before anything left it since its weights last changed, and z' those of the model as it is now without the unit:
 *
 *   "removal_angle"     mean over all tokens of arccos(cos(z, z')) / pi
 *   "removal_norm"      mean over sequences of the root of the sum over their tokens of ‖z - z'‖² */

typedef int32_t ap_axis;
enum { AP_ROWS = 0, AP_COLUMNS = 1 };

/* One weight matrix of a family, as far as that family's units share it.
 *
 * Unit u owns whole rows (axis AP_ROWS) or whole columns (AP_COLUMNS): those with the indices
 *   (u * repeats + r) * positions + p      for r in 0 ..< repeats, p in 0 ..< positions.
 * For "mlp" repeats = positions = 1. For "attention" positions is the head's dimension, and repeats is 1
 * in k_proj and v_proj and the number of query heads a group in q_proj and o_proj. For "attention_block",
 * "mlp_block" and "layer" the axis is AP_ROWS, positions is 1 and repeats the number of rows: the one unit, 0,
 * owns every row. */
typedef struct ap_matrix {
  uint32_t struct_size;
  ap_axis axis;
  const char *name;            /* "gate_proj", "up_proj", "down_proj"; "q_proj", "k_proj", "v_proj", "o_proj" */
  int64_t repeats, positions;
  ap_tensor weight;            /* [rows, columns], as stored: y = x Wᵀ */
  const ap_tensor *statistics; /* in the order in which the criterion asked for them; one that this matrix has not
                                  (it is of units, or of other matrices) has a null `data` */
} ap_matrix;

/* One family of one layer, to be scored. */
typedef struct ap_units {
  uint32_t struct_size;
  const char *family;       /* "attention", "mlp", "attention_block", "mlp_block" or "layer" */
  int64_t layer;            /* 0 is the one after the embedding */
  int64_t count;            /* units at hand; those pruned earlier are gone */
  const int64_t *original;  /* [count]: each unit's index in the unpruned model */
  int64_t matrix_count;
  const ap_matrix *const *matrices; /* [matrix_count]; attention: k, v, q, o; mlp: gate, up, down; blocks the
                                       same; layer: attention's, then mlp's, as far as it has them */
  const ap_tensor *statistics; /* in the order in which the criterion asked for them; one that units have not (it is
                                  of matrices) has a null `data` */
} ap_units;

typedef struct ap_criterion {
  uint32_t struct_size;

  /* `options` is a JSON object that fits the descriptor's schema, defaults filled in. On AP_OK *instance
   * is the plugin's own and is passed back to the calls below. [host thread] */
  ap_status (*create)(const ap_host *host, const char *options, void **instance);

  /* Called once for each instance. [any thread, no other call under way] */
  void (*destroy)(void *instance);

  /* The statistics that this instance needs with its options: a subset of the descriptor's, in the
   * order in which `statistics` of each matrix will then be, ended by a null pointer. Valid as long as
   * the instance. Null: all of the descriptor's. [nullable] [host thread] */
  const char *const *(*statistics)(void *instance);

  /* Writes a score for each unit: the higher, the more it matters. All must be finite. Called for every
   * family of every layer that has units of it, anew for each iteration: layer after layer, from the last to the first
   * or the other way round, as the statistics are gathered. [host thread] */
  ap_status (*score)(void *instance, const ap_host *host, const ap_model *model, const ap_units *units,
                     float *scores /* [units->count] */);

  /* Since 1.1. Non-zero: with its options, this instance's scores compare across families (see
   * ap_descriptor.scores_compare, which has to be non-zero then). Null: as the descriptor says. [nullable]
   * [host thread] */
  int32_t (*scores_compare)(void *instance);
} ap_criterion;

/* ---------------------------------------------------------------- 5. Descriptors, and the one symbol */

typedef int32_t ap_kind;
enum { AP_CRITERION = 1, AP_ALLOCATOR = 2, AP_EVALUATOR = 3, AP_COMPENSATOR = 4, AP_TRANSFORM = 5 };

/* What there is to know of one plugin without making an instance. */
typedef struct ap_descriptor {
  uint32_t struct_size;
  ap_kind kind;
  const char *id;             /* "publisher.name", lower case: letters, digits, '-' and one '.' */
  const char *version;        /* "1.0.0" */
  const char *summary;        /* one sentence */
  const char *licence;        /* an SPDX expression */
  const char *paper;          /* where the method is published. [nullable] */
  const char *options_schema; /* JSON Schema of an object. Of a property it may say: type, enum, default,
                                 minimum, exclusiveMinimum, maximum, items, minItems, description, and
                                 "format": "adapt-pruner-data"; of the object: required. An option that it
                                 does not name is refused. */
  const char *const *statistics; /* all it may ask for, ended by a null pointer */
  const void *interface;      /* ap_criterion, ap_allocator, ap_evaluator, ap_compensator or ap_transform, as
                                 `kind` says */

  /* Since 1.1, of criteria. Non-zero: scores compare across families, with some options at least. A score then
   * says what is lost with the unit, in one measure for all: the change of the loss, for instance. A KV group and a
   * channel can be ranked together by score for each parameter. Zero: a score ranks the units of one family of one
   * layer. A library of version 1.0 is taken to say so. */
  int32_t scores_compare;
} ap_descriptor;

/* The first three fields stay as they are in every major version: by them a host knows what it has. */
typedef struct ap_library {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor; /* AP_ABI_MAJOR, AP_ABI_MINOR where it was compiled */
  int64_t count;
  const ap_descriptor *const *descriptors; /* [count] */
} ap_library;

/* What the host looks up: the exported function
 *
 *   const ap_library *adapt_pruner_plugin(void);
 *
 * It does nothing but answer the address of a constant. (A function, since not every language can
 * export a constant struct.) [any thread] */
#define AP_ENTRY_SYMBOL "adapt_pruner_plugin"
typedef const ap_library *(*ap_entry)(void);

#if defined(_WIN32)
#define AP_EXPORT __declspec(dllexport)
#else
#define AP_EXPORT __attribute__((visibility("default")))
#endif

/* ---------------------------------------------------------------- 6. Allocators */

/* STATISTICS an allocator can ask for, one number a layer, each the sum over mini-batches of the mean over
 * tokens of a measure between what enters a decoder layer (x) and what leaves it (y), from the same
 * forward pass that the gradients come from:
 *
 *   "layer_cosine"      cos(x, y)
 *   "layer_euclidean"   ‖y − x‖₂
 *   "layer_manhattan"   ‖y − x‖₁ */

/* One family of one layer, before this iteration's cut. */
typedef struct ap_family {
  uint32_t struct_size;
  const char *name;          /* as in ap_units */
  int64_t count;             /* units now; 0 where the sublayer, or layer, was removed as a whole */
  int64_t original_count;    /* units in the unpruned model */
  int64_t positions;         /* rows a unit counts in the published code: head dimension, or 1 */
  int64_t cost;              /* what one unit costs, in the budget's measure */
  int64_t minimum;           /* fewer may not stay (where count is less, that count): 1, or more if the stage rounds
                                widths; 0 of "attention_block", "mlp_block" and "layer", of which the host lets all go
                                but the model's last */
  double previous_sparsity;  /* what this allocator answered in the iteration before; in a stage's first the share of
                                the original units that is gone already */
  const float *scores;       /* [count], the criterion's */
} ap_family;

typedef struct ap_layer {
  uint32_t struct_size;
  int64_t family_count;
  const ap_family *const *families; /* [family_count] */
  const double *statistics;         /* in the order asked for */
} ap_layer;

/* The budget, in the measure that the user gave the target in: parameters, or multiply-accumulates a
 * token. `now` is spent by all units of all layers and by what never leaves (embeddings, norms, the
 * head); every unit removed lowers it by its family's cost. */
typedef struct ap_budget {
  uint32_t struct_size;
  const char *measure;  /* "parameters" or "macs" */
  int64_t now;          /* before this iteration */
  int64_t original;     /* of the unpruned model */
  int64_t goal;         /* of the whole stage */
  int64_t iteration_goal; /* of this iteration: on the way from the stage's start to `goal`; where meets_goal answers
                             zero, `goal` itself */
  int64_t iteration;    /* from 0 */
  int64_t iterations;   /* that the stage plans; where meets_goal answers zero there may be more */
} ap_budget;

typedef struct ap_allocation {
  uint32_t struct_size;
  const ap_budget *budget;
  int64_t layer_count;
  const ap_layer *const *layers; /* [layer_count] */

  /* Since 1.1. Non-zero: the criterion says that its scores compare across families. Zero, and where a host of
   * version 1.0 does not say: rank units within a family only. */
  int32_t scores_compare;
} ap_allocation;

/* An answer for one family: families in the order of layers[0].families, layers[1].families, … */
typedef struct ap_share {
  uint32_t struct_size;
  double sparsity;          /* the share of the *original* units meant to be gone, in [0, 1]; it is given back
                               as previous_sparsity and recorded as the target sparsity */
  int64_t keep;             /* units that stay: minimum ... count. The lowest scores leave. */
} ap_share;

typedef struct ap_allocator {
  uint32_t struct_size;
  ap_status (*create)(const ap_host *host, const char *options, void **instance); /* as a criterion's */
  void (*destroy)(void *instance);
  const char *const *(*statistics)(void *instance); /* as a criterion's. [nullable] */

  /* Fills the structs of `shares`, one for each family of each layer, whose struct_size the host has set.
   * [host thread] */
  ap_status (*allocate)(void *instance, const ap_host *host, const ap_model *model,
                        const ap_allocation *allocation, ap_share *const *shares);

  /* Non-zero: this instance ends each iteration at its iteration_goal or less than one unit (of the dearest family) below
   * it, and removes nothing where `now` is there already; the host refuses any other answer. Zero: it goes its own way (the published rules do), and the host
   * goes on until the goal is passed. [host thread] */
  int32_t (*meets_goal)(void *instance);
} ap_allocator;

/* ---------------------------------------------------------------- 7. Evaluators */

/* Where an evaluator puts what it found. Each call copies. `sink` itself is the first argument. */
typedef struct ap_metrics ap_metrics;
struct ap_metrics {
  uint32_t struct_size;
  void *context; /* the host's own */

  /* A number with its standard error (NaN: it has none). `name` is by definition, as in
   * wikitext2.token_perplexity@512; `lower_is_better` non-zero where it is. The value is no NaN, and infinite only where
   * that is worse than any number: a perplexity that overflows. [host thread] */
  void (*metric)(const ap_metrics *sink, const char *name, double value, double standard_error,
                 int32_t lower_is_better);

  /* One item's share of a metric (a window's mean negative log-likelihood, say), so that two models can be
   * compared item by item. Items of one name are numbered from 0 in the order given. No NaN. [host thread] */
  void (*item)(const ap_metrics *sink, const char *name, double value);
};

typedef struct ap_evaluator {
  uint32_t struct_size;
  ap_status (*create)(const ap_host *host, const char *options, void **instance); /* as a criterion's */
  void (*destroy)(void *instance);

  /* Measures the model by way of host->open_data and host->log_likelihood. [host thread] */
  ap_status (*evaluate)(void *instance, const ap_host *host, const ap_model *model, const ap_metrics *sink);
} ap_evaluator;

/* ---------------------------------------------------------------- 8. Compensators */

/* Once it is decided which units leave, their columns leave the family's output projection: down_proj of
 * channels, o_proj of KV groups. A compensator may change what is left of it, and add a bias, so that the
 * projection answers nearly what it did. Called layer after layer from the first, attention before mlp, for
 * each pruned family that lost units; where follows_cut is non-zero also for those behind the first cut that
 * lost none, since they can make up for what comes to them changed.
 *
 * STATISTICS it can ask for, with x the projection's inputs as all units give them, those that leave too
 * (y = x Wᵀ + b), and t what the projection is wished to answer:
 *
 *   "input_mean"      [1, columns]        mean over all calibration tokens of x
 *   "input_gram"      [columns, columns]  mean of xᵀ x
 *   "target_mean"     [1, rows]           mean of t
 *   "target_product"  [rows, columns]     mean of tᵀ x
 *
 * Where the layers before are as they were (follows_cut answers zero), t is what the projection answers, x Wᵀ + b.
 * Where they are cut and compensated already, t is what brings the residual stream behind the projection to
 * where it was in the model before the stage's first cut. */

/* An output projection that is to lose columns. */
typedef struct ap_projection {
  uint32_t struct_size;
  const char *family;   /* "attention" or "mlp" */
  int64_t layer;
  const char *name;     /* "o_proj" or "down_proj" */
  ap_tensor weight;     /* [rows, columns]: the columns that there are before this cut, with their values from
                           before it; where follows_cut is non-zero, from before the stage's first cut */
  const float *bias;    /* [rows], or null if it has none. [nullable] */
  int64_t kept_count;
  const int64_t *kept;  /* [kept_count]: the columns that stay, ascending */
  const ap_tensor *statistics; /* in the order asked for */
} ap_projection;

typedef struct ap_compensator {
  uint32_t struct_size;
  ap_status (*create)(const ap_host *host, const char *options, void **instance); /* as a criterion's */
  void (*destroy)(void *instance);
  const char *const *(*statistics)(void *instance); /* as a criterion's. [nullable] */

  /* Non-zero: the inputs of a projection are gathered from the layers before as cut and compensated, layer
   * by layer. Zero: from the model as it was before the cut. [host thread] */
  int32_t (*follows_cut)(void *instance);

  /* Non-zero: every output projection of a family that is pruned gets a bias. [host thread] */
  int32_t (*adds_bias)(void *instance);

  /* Changes `weight` [rows, kept_count], which holds the kept columns, and `bias` [rows], which holds the bias
   * (zeros if there was none); bias is null where there is none and adds_bias answers zero. All must be finite
   * afterwards. [host thread] */
  ap_status (*compensate)(void *instance, const ap_host *host, const ap_model *model,
                          const ap_projection *projection, float *weight, float *bias /* [nullable] */);
} ap_compensator;

/* ---------------------------------------------------------------- 9. Transforms */

/* A transform makes the residual stream narrower (SliceGPT). The stream has a PLACE before each attention, before
 * each MLP and before the head; at each it is turned into a basis of that place's own and loses all columns but the
 * first ones. The host folds the norms' weights into the matrices behind them, takes the calibration tokens through
 * the model layer by layer as sliced so far, and rewrites the matrices; between one place's basis and the next a
 * shortcut matrix [width here, width at the next place] is added beside the sublayer.
 *
 * Calls come in this order: fixes_widths, centers_embeddings and normalises_tokens, widths once, and orient for each place from the first.
 *
 * STATISTICS it can ask for:
 *
 *   "residual_energies"  of each place, [hidden_size]: the eigenvalues of the mean over all calibration tokens of xᵀx,
 *                        the largest first, in the model before anything is sliced; costs a forward pass */

typedef struct ap_place {
  uint32_t struct_size;
  const char *name;       /* "attention", "mlp", "head": what reads the stream here */
  int64_t layer;          /* of "head" the number of layers. A sublayer that was removed has no place. */
  int64_t cost;           /* what each column costs here in the budget's measure, shortcuts apart */
  const double *energies; /* [hidden_size]; null unless asked for. [nullable] */
} ap_place;

/* What widths come to: fixed + sum of cost * width over all places + sum of width * (width at the next place). */
typedef struct ap_residual {
  uint32_t struct_size;
  const char *measure;   /* "parameters" or "macs" */
  int64_t hidden_size;
  int64_t fixed;         /* what no width changes */
  int64_t original;      /* of the unpruned model */
  int64_t goal;          /* at most this is to be left; -1: there is none, since fixes_widths answers non-zero */
  int64_t place_count;
  const ap_place *const *places; /* [place_count], in the order of the forward pass, "head" last */
} ap_residual;

/* The residual stream at one place, as sliced so far, in the model's own basis. */
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

  /* Non-zero: the options say how wide the stream becomes, and the stage has no target. Zero: it has one.
   * [host thread] */
  int32_t (*fixes_widths)(void *instance);

  /* Non-zero: the mean of each token's embedding is taken from its elements before all else. [host thread] */
  int32_t (*centers_embeddings)(void *instance);

  /* Non-zero: energies and Gram matrices are of x / rms(x), as a norm without weights hands it on, so that every token
   * counts alike. Zero: of x as it is, in which a few tokens may outweigh all others. [host thread] */
  int32_t (*normalises_tokens)(void *instance);

  /* Writes how many columns stay at each place, from 1 to hidden_size; with a goal they come to at most that. They are
   * settled before any place is oriented, since the file that the host writes as it goes says its shapes first.
   * [host thread] */
  ap_status (*widths)(void *instance, const ap_host *host, const ap_model *model, const ap_residual *residual,
                      int64_t *widths /* [place_count] */);

  /* Writes an orthonormal basis, one direction a row, the `width` that stay first. [host thread] */
  ap_status (*orient)(void *instance, const ap_host *host, const ap_model *model, const ap_gram *gram,
                      double *basis /* [hidden_size, hidden_size] */);
} ap_transform;

#ifdef __cplusplus
}
#endif

#endif /* ADAPT_PRUNER_PLUGIN_H */
