// SPDX-License-Identifier: Apache-2.0
// The part of NCCL 2 that replicas need, as its reference documents it. Opened at run time: the build needs no header
// of NCCL.
#pragma once
#include <cuda_runtime_api.h>

#include "device/libraries.h"

namespace pf::nccl_api {

using Result = int;  // 0 is success
using Comm = void*;
struct UniqueId {
  char bytes[128];
};
enum Type : int { kUint8 = 1, kFloat16 = 6, kFloat32 = 7 };
enum Reduction : int { kSum = 0 };
constexpr int kOldest = 21400;  // 2.14: the first whose calls can all be recorded and given up

#define PF_NCCL(name, result, ...) \
  inline Import<result(__VA_ARGS__)> name { &pf::nccl, "nccl" #name }
PF_NCCL(GetVersion, Result, int*);
PF_NCCL(GetErrorString, const char*, Result);
PF_NCCL(GetLastError, const char*, Comm);
PF_NCCL(GetUniqueId, Result, UniqueId*);
PF_NCCL(CommInitRank, Result, Comm*, int, UniqueId, int);
PF_NCCL(CommDestroy, Result, Comm);
PF_NCCL(CommAbort, Result, Comm);
PF_NCCL(GroupStart, Result, void);
PF_NCCL(GroupEnd, Result, void);
PF_NCCL(AllReduce, Result, const void*, void*, size_t, Type, Reduction, Comm, cudaStream_t);
PF_NCCL(Broadcast, Result, const void*, void*, size_t, Type, int, Comm, cudaStream_t);
#undef PF_NCCL

}  // namespace pf::nccl_api
