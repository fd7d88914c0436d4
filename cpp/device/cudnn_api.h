// SPDX-License-Identifier: Apache-2.0
// The part of cuDNN 9's graph interface that convolutions need, as its reference documents it. Opened at run time: the
// build needs no header of cuDNN. Numbers are those of the library's enumerations, which never change meaning within 9.
#pragma once
#include <cuda_runtime_api.h>

#include "device/libraries.h"

namespace pf::dnn {

using Result = int;  // 0 is success
using Handle = void*;
using Descriptor = void*;

enum DescriptorType : int {
  kConvolution = 1,
  kEngineConfig = 3,
  kHeuristics = 4,
  kPlan = 5,
  kForward = 10,
  kBackwardFilter = 11,
  kBackwardData = 12,
  kPointwise = 0,
  kPointwiseOp = 13,
  kEngine = 2,
  kGraph = 15,
  kVariantPack = 16,
  kTensor = 17,
};

enum Attribute : int {
  kPointwiseMode = 0,
  kPointwiseMathPrec = 1,
  kConvolutionCompType = 100,
  kConvolutionMode,
  kConvolutionDilations,
  kConvolutionStrides,
  kConvolutionPostPaddings,
  kConvolutionPrePaddings,
  kConvolutionSpatialDims,
  kHeuristicsMode = 200,
  kHeuristicsGraph,
  kHeuristicsResults,
  kConfigEngine = 300,
  kPlanHandle = 400,
  kPlanConfig,
  kPlanWorkspaceSize,
  kForwardAlpha = 700,
  kForwardBeta,
  kForwardConv,
  kForwardW,
  kForwardX,
  kForwardY,
  kBackwardDataAlpha,
  kBackwardDataBeta,
  kBackwardDataConv,
  kBackwardDataW,
  kBackwardDataDx,
  kBackwardDataDy,
  kBackwardFilterAlpha,
  kBackwardFilterBeta,
  kBackwardFilterConv,
  kBackwardFilterDw,
  kBackwardFilterX,
  kBackwardFilterDy,
  kPointwiseOpDescriptor = 750,
  kPointwiseOpX,
  kPointwiseOpB,
  kPointwiseOpY,
  kGraphHandle = 800,
  kGraphOps,
  kTensorAlignment = 900,
  kTensorType,
  kTensorDimensions,
  kTensorStrides,
  kTensorUniqueId = 906,
  kTensorVirtual,
  kPackIds = 1000,
  kPackPointers,
  kPackWorkspace = 1003,
  kEngineNumericalNotes = 1303,
};

enum AttributeType : int {
  kTypeHandle = 0,
  kTypeDataType = 1,
  kTypeBoolean = 2,
  kTypeInt64 = 3,
  kTypeFloat = 4,
  kTypePointer = 6,
  kTypeConvolutionMode = 7,
  kTypeHeuristicsMode = 8,
  kTypeNumericalNote = 11,
  kTypePointwiseMode = 14,
  kTypeDescriptor = 15,
};

enum DataType : int { kFloat = 0, kHalf = 2, kFastTf32 = 0 };
enum HeuristicsMode : int { kFallback = 2, kModeA = 3 };
enum NumericalNote : int { kTensorCore = 0, kDownConvertInputs = 1, kReducedPrecision = 2, kNonDeterministic = 4 };
enum PointwiseKind : int { kAdd = 0, kReluForward = 100 };
constexpr int kCrossCorrelation = 1;

#define PF_CUDNN(name, result, ...) \
  inline Import<result(__VA_ARGS__)> name { &pf::cudnn, "cudnn" #name }
PF_CUDNN(GetVersion, size_t, void);
PF_CUDNN(GetErrorString, const char*, Result);
PF_CUDNN(Create, Result, Handle*);
PF_CUDNN(SetStream, Result, Handle, cudaStream_t);
PF_CUDNN(BackendCreateDescriptor, Result, DescriptorType, Descriptor*);
PF_CUDNN(BackendDestroyDescriptor, Result, Descriptor);
PF_CUDNN(BackendFinalize, Result, Descriptor);
PF_CUDNN(BackendSetAttribute, Result, Descriptor, Attribute, AttributeType, int64_t, const void*);
PF_CUDNN(BackendGetAttribute, Result, Descriptor, Attribute, AttributeType, int64_t, int64_t*, void*);
PF_CUDNN(BackendExecute, Result, Handle, Descriptor plan, Descriptor pack);
#undef PF_CUDNN

}  // namespace pf::dnn
