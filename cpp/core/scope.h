// SPDX-License-Identifier: Apache-2.0
// What an operator that runs nets (If, While, RecurrentNetwork) sees of the workspace it runs in. Such a kernel has
// `Status bind(Scope&)`, called once when its operator is made: there it makes the nets that run in that scope, so that
// what is wrong with them is told when the outer net is created.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/blob.h"

namespace pf {

struct NetDef;

// A net inside an operator, bound to a scope, which must outlive it. Running it asks for scratch memory of its own:
// the operator around it must hold none.
class Subnet {
 public:
  virtual ~Subnet() = default;
  virtual Status run() = 0;
  // Whether the last run of the net around it ended in this one with Code::blocked; the next run then goes on there.
  virtual bool waiting() const = 0;
};

// Blobs by name. The pointers are good as long as the scope. Every scope is a Workspace (net/workspace.h).
class Scope {
 public:
  virtual ~Scope() = default;
  Scope(const Scope&) = delete;

  // The blob of this name: the scope's own, else one that was linked, else one of the scope around it; or null.
  virtual Blob* find(std::string_view name) = 0;
  // The same, made (empty) as the scope's own where there is none.
  virtual Blob& blob(std::string_view name) = 0;

  // The rest is for operators that run nets. It is not virtual, so that builds without such operators go without it.

  // The scope's own, made where there is none: it hides others of its name.
  Blob& own(std::string_view name);
  // Empties an own blob and forgets its name. Nets made before find it empty.
  bool remove(std::string_view name);
  std::string names() const;  // of its own blobs, sorted, each followed by a zero byte

  enum Sight : uint8_t { kSeesThis, kSeesLinks };  // all blobs of the scope around it, or only those linked
  // A scope inside this one, which must outlive it.
  std::shared_ptr<Scope> child(Sight sight);
  // Only in a child: `name` stands for a blob from elsewhere.
  void link(std::string_view name, Blob& blob);

  // Makes a net whose operators read and write this scope. The `def` is not needed afterwards.
  Status net(const NetDef& def, std::unique_ptr<Subnet>* out);

  // No two scopes of a process have the same number, however short they live.
  uint64_t serial() const { return serial_; }

 protected:
  Scope();

 private:
  const uint64_t serial_;
};

}  // namespace pf
