// SPDX-License-Identifier: Apache-2.0
// The whole boundary between the core and the outside: one call shape, one list of functions, one list of codes.
//
//  (1) Every function is called through pf_call(). It returns 0, or a pf_status whose meaning never changes;
//      pf_last_error() then holds a sentence for a person: what, where, expected, found, what to try.
//  (2) `in` is borrowed for the call. `out` points into core memory and is valid until the next call into the
//      core; the caller copies what it wants to keep. Only `blob_feed` hands out bytes that may be written.
//  (3) Handles are small integers naming a workspace or a net; 0 is none. Integers in messages are
//      little-endian. NetDef, OperatorDef and TensorProto are protobuf, see proto/.
//  (4) No exception, no printing (except operators whose purpose it is) and no pointer but `out` leaves the core.
//  (5) New functions and codes go at the end of their list; numbers never change meaning. pf_abi_hash() is a
//      hash of both lists: a caller compares it with its own before the first call.
#pragma once
#include <stddef.h>
#include <stdint.h>

// F(name): one line each says handle, in -> out.
#define PF_FUNCTIONS(F)                                                                                             \
  F(version)          /* -> JSON {version, simd, threads, shared}                                                */ \
  F(schemas)          /* -> JSON array of operator schemas, see docs/architecture.md                             */ \
  F(threads)          /* handle = threads to use, this one included, 0 = only ask -> handle = threads in use     */ \
  F(workspace_open)   /* handle = GPU + 1, 0 = CPU; u64 seed, of a GPU "precision scale" -> handle               */ \
  F(workspace_close)  /* handle; closes its nets too                                                             */ \
  F(blob_feed)        /* workspace, TensorHeader + name -> writable bytes of the new tensor                      */ \
  F(blob_info)        /* workspace, name -> TensorHeader + type name of a blob that is no tensor                 */ \
  F(blob_data)        /* workspace, name -> bytes of a tensor of fixed-size elements                             */ \
  F(blob_deserialize) /* workspace, BlobProto -> ; feeds any tensor, strings too                                 */ \
  F(blob_serialize)   /* workspace, name -> BlobProto                                                            */ \
  F(blob_list)        /* workspace -> names, separated by zero bytes, sorted                                     */ \
  F(blob_remove)      /* workspace, name                                                                         */ \
  F(net_create)       /* workspace, NetDef; its args named pf.* are options, see net/net.h -> handle of a net    */ \
  F(net_run)          /* net; in: a byte = go on where the last run was blocked, nothing = from the start       */  \
  F(net_close)        /* net                                                                                     */ \
  F(net_info)         /* net -> JSON {name, ops: [{type, name, ms, runs, …}], arena, weights, …}                 */ \
  F(op_run)           /* workspace, OperatorDef: create it, run it once, forget it                               */ \
  F(gradient)         /* in: GradientRequest, see net/gradient.h -> GradientReply                                */ \
  F(infer)            /* workspace, NetDef -> TensorShapes of every blob, from the shapes of the blobs present   */ \
  F(user_operator)    /* in: OperatorDef that declares it, see core/user_op.h                                    */ \
  F(memory)           /* -> JSON {used, peak, limit}: bytes of tensor memory                                     */ \
  F(abort_flag)       /* -> 4 bytes: an int32 that stops the run in progress when another thread sets it to 1    */ \
  F(accelerators)     /* -> JSON {built, devices, libraries}: GPUs, what is missing and where it was looked for  */ \
  F(finish)           /* workspace: waits for what its runs have queued on a GPU; says what failed there         */ \
  F(print_to)         /* handle = 1 or 2: standard output or error, for operators whose purpose is to print      */ \
  F(nets_run)         /* handle = times; in: u32 nets of as many workspaces, which wait for each other           */ \
  F(processes)        /* handle = 0: ask, 1: join those that mpirun started, 2: leave them -> JSON               */

// S(name, number, meaning)
#define PF_STATUSES(S)                                                                \
  S(ok, 0, "success")                                                                 \
  S(argument, 1, "an argument of a call or an operator is missing, unknown or wrong") \
  S(shape, 2, "tensor shapes do not fit together")                                    \
  S(type, 3, "a tensor has another element type than the operator takes")             \
  S(no_blob, 4, "a blob is missing, empty or of another kind")                        \
  S(no_operator, 5, "an operator is unknown or has no kernel on this device")         \
  S(no_gradient, 6, "an operator has no gradient")                                    \
  S(no_memory, 7, "memory could not be had")                                          \
  S(parse, 8, "bytes are truncated, malformed or hostile")                            \
  S(exists, 9, "a name is taken")                                                     \
  S(handle, 10, "a handle is closed or was never open")                               \
  S(aborted, 11, "the run was stopped by its caller")                                 \
  S(internal, 12, "a fault of the core itself: please report it")                     \
  S(value, 13, "the contents of a tensor are outside what the operator takes")        \
  S(net, 14, "the structure of a net is wrong: a cycle, an unknown source, no name")  \
  S(blocked, 15, "an operator waits for what only another net can bring")             \
  S(lost, 16, "another process or replica has stopped, so that work in common ended")

// A tensor's header: u32 data_type (TensorProto.DataType, 0 = no tensor), u32 rank, i64 dims[rank], then text.

typedef struct {
  uint8_t* data;
  size_t size;
  uint32_t handle;
} pf_out;

typedef enum {
#define S(name, number, meaning) PF_STATUS_##name = number,
  PF_STATUSES(S)
#undef S
} pf_status;

typedef enum {
#define F(name) PF_FN_##name,
  PF_FUNCTIONS(F)
#undef F
      PF_FN_COUNT
} pf_function;

#ifdef __cplusplus
extern "C" {
#endif
uint32_t pf_abi_hash(void);
int32_t pf_call(uint32_t function, uint32_t handle, const uint8_t* in, size_t in_size, pf_out* out);
const char* pf_last_error(void);
#ifdef __cplusplus
}
#endif
