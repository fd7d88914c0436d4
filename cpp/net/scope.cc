// SPDX-License-Identifier: Apache-2.0
// Scopes inside a workspace, and the nets in them.
#include <atomic>
#include <vector>

#include "net/net.h"

namespace pf {
namespace {

uint64_t next_serial() {
  static std::atomic<uint32_t> count{0};
  return count.fetch_add(1, std::memory_order_relaxed);
}

// Own blobs come first, then linked ones, then those of the workspace around it. Random numbers and scratch memory
// are those of the outermost workspace: operators run one after the other.
class Child final : public Workspace {
 public:
  Child(Workspace& parent, Sight sight) : Workspace(0), parent_(parent), sees_parent_(sight == kSeesThis) {}

  Blob* find(std::string_view name) override {
    if (Blob* b = Workspace::find(name)) return b;
    for (auto& link : links_)
      if (link.name == name) return link.blob;
    return sees_parent_ ? parent_.find(name) : nullptr;
  }
  Blob& blob(std::string_view name) override {
    Blob* found = find(name);
    return found ? *found : Workspace::blob(name);
  }
  void add_link(std::string_view name, Blob& blob) {
    for (auto& link : links_)
      if (link.name == name) return void(link.blob = &blob);
    links_.push_back({std::string(name), &blob});
  }
  uint64_t next_seed() override { return parent_.next_seed(); }
  Scratch& scratch() override { return parent_.scratch(); }

 private:
  struct Link {
    std::string name;
    Blob* blob;
  };
  Workspace& parent_;
  std::vector<Link> links_;
  bool sees_parent_;
};

}  // namespace

Scope::Scope() : serial_(next_serial()) {}

Blob& Scope::own(std::string_view name) { return static_cast<Workspace&>(*this).Workspace::blob(name); }
bool Scope::remove(std::string_view name) { return static_cast<Workspace&>(*this).remove(name); }
std::string Scope::names() const { return static_cast<const Workspace&>(*this).names(); }

std::shared_ptr<Scope> Scope::child(Sight sight) {
  return std::make_shared<Child>(static_cast<Workspace&>(*this), sight);
}

void Scope::link(std::string_view name, Blob& blob) { static_cast<Child&>(*this).add_link(name, blob); }

Status Scope::net(const NetDef& def, std::unique_ptr<Subnet>* out) {
  std::unique_ptr<Net> net;
  PF_TRY(Net::create(def, static_cast<Workspace&>(*this), &net, true));
  *out = std::move(net);
  return {};
}

}  // namespace pf
