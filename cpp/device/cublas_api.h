// SPDX-License-Identifier: Apache-2.0
// The part of cuBLASLt that matrix products need, as its reference documents it. Opened at run time: the build needs no
// header of cuBLAS.
#pragma once
#include <cuda_runtime_api.h>
#include <library_types.h>

#include "device/libraries.h"

namespace pf::lt {

using Result = int;  // 0 is success
using Handle = void*;
using Desc = void*;
using Layout = void*;
using Preference = void*;

struct Algo {
  uint64_t data[8];
};
struct Heuristic {
  Algo algo;
  size_t workspace;
  Result state;
  float waves;
  int reserved[4];
};

enum ComputeType : int { kCompute32F = 68, kCompute32FPedantic = 69, kCompute32FTf32 = 77 };
enum DescAttribute : int { kTransA = 3, kTransB = 4, kEpilogue = 7, kBiasPointer = 8, kBiasType = 26 };
enum LayoutAttribute : int { kBatchCount = 5, kBatchStride = 6 };
enum PreferenceAttribute : int {
  kMaxWorkspace = 1,
  kAlignmentA = 5,
  kAlignmentB = 6,
  kAlignmentC = 7,
  kAlignmentD = 8
};
enum Epilogue : int { kEpilogueNone = 1, kEpilogueRelu = 2, kEpilogueBias = 4, kEpilogueReluBias = 6 };

#define PF_CUBLAS_LT(name, result, ...) \
  inline Import<result(__VA_ARGS__)> name { &pf::cublas_lt, "cublasLt" #name }
PF_CUBLAS_LT(GetVersion, size_t, void);
PF_CUBLAS_LT(Create, Result, Handle*);
PF_CUBLAS_LT(MatmulDescCreate, Result, Desc*, ComputeType, cudaDataType_t);
PF_CUBLAS_LT(MatmulDescDestroy, Result, Desc);
PF_CUBLAS_LT(MatmulDescSetAttribute, Result, Desc, DescAttribute, const void*, size_t);
PF_CUBLAS_LT(MatrixLayoutCreate, Result, Layout*, cudaDataType_t, uint64_t, uint64_t, int64_t);
PF_CUBLAS_LT(MatrixLayoutDestroy, Result, Layout);
PF_CUBLAS_LT(MatrixLayoutSetAttribute, Result, Layout, LayoutAttribute, const void*, size_t);
PF_CUBLAS_LT(MatmulPreferenceCreate, Result, Preference*);
PF_CUBLAS_LT(MatmulPreferenceDestroy, Result, Preference);
PF_CUBLAS_LT(MatmulPreferenceSetAttribute, Result, Preference, PreferenceAttribute, const void*, size_t);
PF_CUBLAS_LT(MatmulAlgoGetHeuristic, Result, Handle, Desc, Layout, Layout, Layout, Layout, Preference, int, Heuristic*,
             int*);
PF_CUBLAS_LT(Matmul, Result, Handle, Desc, const void*, const void*, Layout, const void*, Layout, const void*,
             const void*, Layout, void*, Layout, const Algo*, void*, size_t, cudaStream_t);
#undef PF_CUBLAS_LT

}  // namespace pf::lt
