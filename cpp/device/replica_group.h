// SPDX-License-Identifier: Apache-2.0
// The replicas of this process that work together, and the way to those of other processes.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/world.h"
#include "device/processes.h"

namespace pf {

struct ReplicaGroup {
  // What a replica on the CPU has brought to the collective that is under way.
  struct Part {
    uint64_t run = 0;  // in which it came
    bool waiting = false, done = false;
    const char* what = "";  // the kind of the collective
    std::vector<Blob*> blobs;
  };
  int64_t id;
  int replicas, first = 0, workers = 1;  // of this process; the number of its first among all, and how many those are
  std::vector<Part> parts;
  std::unique_ptr<Communicator> others;
  std::string token;  // by which GPUs find each other, until all of this process have it
  int met = 0;        // how many have

  // The group of this number, made by the first replica that asks for it. It lives as long as one of them.
  static Status join(const WorldOptions& options, std::shared_ptr<ReplicaGroup>* out);
};

Status read_options(const Args& args, WorldOptions* out);

}  // namespace pf
