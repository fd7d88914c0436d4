// SPDX-License-Identifier: Apache-2.0
// The part of MPI that several processes need, as its standard documents it, with Open MPI's types. Opened at run time:
// the build needs no header of MPI.
#pragma once
#include "device/libraries.h"

namespace pf::mpi_api {

using Result = int;  // 0 is success
using Comm = void*;
using Type = void*;
using Operation = void*;
using Request = void*;
using Info = void*;
using ErrorHandler = void*;

struct Answer {  // MPI_Status
  int source, tag, error, cancelled;
  size_t count;
};

enum ThreadLevel : int { kSerialized = 2 };
enum SplitType : int { kSharedMemory = 0 };
constexpr int kLongestText = 256;  // of a library's version
inline void* const kInPlace = reinterpret_cast<void*>(1);

#define PF_MPI(name, ...) \
  inline Import<Result(__VA_ARGS__)> name { &pf::mpi, "MPI_" #name }
PF_MPI(Get_library_version, char*, int*);
PF_MPI(Initialized, int*);
PF_MPI(Finalized, int*);
PF_MPI(Init_thread, int*, char***, int, int*);
PF_MPI(Finalize, void);
PF_MPI(Error_string, int, char*, int*);
PF_MPI(Comm_rank, Comm, int*);
PF_MPI(Comm_size, Comm, int*);
PF_MPI(Comm_idup, Comm, Comm*, Request*);
PF_MPI(Comm_free, Comm*);
PF_MPI(Comm_split_type, Comm, int, int, Info, Comm*);
PF_MPI(Comm_set_errhandler, Comm, ErrorHandler);
PF_MPI(Test, Request*, int*, Answer*);
PF_MPI(Iallreduce, const void*, void*, int, Type, Operation, Comm, Request*);
PF_MPI(Ireduce, const void*, void*, int, Type, Operation, int, Comm, Request*);
PF_MPI(Iallgather, const void*, int, Type, void*, int, Type, Comm, Request*);
PF_MPI(Ibcast, void*, int, Type, int, Comm, Request*);
PF_MPI(Isend, const void*, int, Type, int, int, Comm, Request*);
PF_MPI(Irecv, void*, int, Type, int, int, Comm, Request*);
#undef PF_MPI

}  // namespace pf::mpi_api
