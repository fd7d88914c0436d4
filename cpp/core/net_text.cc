// SPDX-License-Identifier: Apache-2.0
#include "core/net_text.h"

#include <cstdlib>

namespace pf {
#ifdef PF_BASE  // no operator of such a build runs nets

void expand_text_nets(OpDef*) {}

#else
namespace {

// As for the binary form (core/op_def.cc): a hostile text must take neither the stack nor all memory.
constexpr int kMaxDepth = 32;
constexpr int kMaxParts = 1 << 20;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_punctuation(char c) { return c != 0 && std::string_view(":{}<>[],;\"'#").find(c) != std::string_view::npos; }

class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) { skip(); }

  Status status;
  bool ok() const { return status.ok(); }
  int depth = 0, parts = 0;

  bool at_end() const { return at_ == text_.size(); }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    skip();
    return true;
  }
  // The name of the next field of a message that `close` ends (0: the end of the text); false when there is none.
  bool next(char close, std::string_view* name) {
    while (take(',') || take(';')) {
    }
    if (!ok() || (close ? take(close) : at_end())) return false;
    *name = word();
    if (name->empty()) return fail("a field's name");
    return true;
  }
  // Begins a message; answers what ends it, 0 when there is none.
  char open() {
    take(':');
    if (take('{')) return '}';
    if (take('<')) return '>';
    return fail("a message in { }"), 0;
  }
  // One value of a field, or each of a list in brackets.
  template <class F>
  void values(F&& each) {
    take(':');
    if (!take('[')) return each();
    while (ok() && !take(']')) {
      each();
      if (!take(',') && ok() && !(at_ < text_.size() && text_[at_] == ']')) fail("a comma or ]");
    }
  }
  std::string string() {
    std::string out;
    bool any = false;
    while (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) piece(&out), any = true;
    if (!any) fail("a string in quotes");
    return out;
  }
  double number() {
    const std::string value(word());
    if (value == "true" || value == "false") return value == "true";
    char* end = nullptr;
    const double x = std::strtod(value.c_str(), &end);
    if (value.empty() || (*end && !(*end == 'f' && !end[1]))) fail("a number");
    return x;
  }
  int64_t integer() {
    const std::string value(word());
    if (value == "true" || value == "false") return value == "true";
    if (value == "CPU" || value == "CUDA") return value == "CUDA";
    char* end = nullptr;
    const int64_t x = std::strtoll(value.c_str(), &end, 0);
    if (value.empty() || *end) fail("an integer");
    return x;
  }
  // The value of a field that nobody here needs.
  void skip_value() {
    if (at_ < text_.size() && (text_[at_] == '{' || text_[at_] == '<')) return skip_message();
    values([&] {
      if (at_end()) return (void)fail("a value");
      const char c = text_[at_];
      if (c == '{' || c == '<')
        skip_message();
      else if (c == '"' || c == '\'')
        (void)string();
      else if (word().empty())
        fail("a value");
    });
  }
  bool fail(const char* expected) {
    if (ok()) status = Status(Code::argument, text("expected ", expected, " at character ", int64_t(at_)));
    return false;
  }

 private:
  void skip_message() {
    if (++depth > kMaxDepth) return (void)fail("less nesting");
    const char close = open();
    for (std::string_view name; next(close, &name);) skip_value();
    --depth;
  }
  void skip() {
    while (at_ < text_.size() && (is_space(text_[at_]) || text_[at_] == '#')) {
      if (text_[at_] == '#')
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      else
        ++at_;
    }
  }
  std::string_view word() {
    const size_t begin = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) && !is_punctuation(text_[at_])) ++at_;
    const std::string_view found = text_.substr(begin, at_ - begin);
    skip();
    return found;
  }
  // A quoted piece of a string; several that follow one another are one string.
  void piece(std::string* out) {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      const char c = text_[at_++];
      *out += c == '\\' ? escaped() : c;
    }
    if (at_end()) return (void)fail("the end of a string");
    ++at_;
    skip();
  }
  char escaped() {
    if (at_end()) return fail("an escape"), ' ';
    const char c = text_[at_++];
    const size_t letter = std::string_view("ntrabfv").find(c);
    if (letter != std::string_view::npos) return "\n\t\r\a\b\f\v"[letter];
    const bool hex = c == 'x' || c == 'X';
    if (!hex && (c < '0' || c > '7')) return c;  // the character itself: \\ \" \'
    int value = hex ? 0 : c - '0';
    for (int more = 2; more > 0 && at_ < text_.size(); --more, ++at_) {
      const char d = text_[at_], low = char(d | 32);
      const int digit = d >= '0' && d <= '9' ? d - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : 99;
      if (digit >= (hex ? 16 : 8)) break;
      value = value * (hex ? 16 : 8) + digit;
    }
    return char(value);
  }

  std::string_view text_;
  size_t at_ = 0;
};

void read(TextReader& r, char close, NetDef* out);

// Reads one message, or each of a list of them, into new elements.
template <class T>
void read_elements(TextReader& r, std::vector<T>* out) {
  r.values([&] {
    if (++r.depth > kMaxDepth || ++r.parts > kMaxParts) return (void)r.fail("a smaller net");
    const char close = r.open();
    if (!r.ok()) return;
    out->emplace_back();
    read(r, close, &out->back());
    --r.depth;
  });
}

void read(TextReader& r, DeviceOption* out) {
  const char close = r.open();
  for (std::string_view name; r.ok() && r.next(close, &name);) {
    if (name == "device_type")
      r.values([&] { out->device_type = int(r.integer()); });
    else if (name == "cuda_gpu_id" || name == "device_id")
      r.values([&] { out->device_id = int(r.integer()); });
    else if (name == "random_seed")
      r.values([&] { out->random_seed = uint32_t(r.integer()), out->has_random_seed = true; });
    else
      r.skip_value();
  }
}

void read(TextReader& r, char close, Argument* out) {
  for (std::string_view name; r.next(close, &name);) {
    if (name == "name")
      r.values([&] { out->name = r.string(); });
    else if (name == "f")
      r.values([&] { out->f = float(r.number()), out->has_f = true; });
    else if (name == "i")
      r.values([&] { out->i = r.integer(), out->has_i = true; });
    else if (name == "s")
      r.values([&] { out->s = r.string(), out->has_s = true; });
    else if (name == "floats")
      r.values([&] { out->floats.push_back(float(r.number())); });
    else if (name == "ints")
      r.values([&] { out->ints.push_back(r.integer()); });
    else if (name == "strings")
      r.values([&] { out->strings.push_back(r.string()); });
    else if (name == "n" || name == "nets")
      read_elements(r, &out->nets);
    else
      r.skip_value();
  }
}

void read(TextReader& r, char close, OpDef* out) {
  for (std::string_view name; r.next(close, &name);) {
    if (name == "input")
      r.values([&] { out->input.push_back(r.string()); });
    else if (name == "output")
      r.values([&] { out->output.push_back(r.string()); });
    else if (name == "control_input")
      r.values([&] { out->control_input.push_back(r.string()); });
    else if (name == "name")
      r.values([&] { out->name = r.string(); });
    else if (name == "type")
      r.values([&] { out->type = r.string(); });
    else if (name == "engine")
      r.values([&] { out->engine = r.string(); });
    else if (name == "is_gradient_op")
      r.values([&] { out->is_gradient_op = r.integer(); });
    else if (name == "arg")
      read_elements(r, &out->arg);
    else if (name == "device_option")
      read(r, &out->device_option), out->has_device_option = true;
    else
      r.skip_value();
  }
  expand_text_nets(out);
}

void read(TextReader& r, char close, NetDef* out) {
  for (std::string_view name; r.next(close, &name);) {
    if (name == "name")
      r.values([&] { out->name = r.string(); });
    else if (name == "type")
      r.values([&] { out->type = r.string(); });
    else if (name == "num_workers")
      r.values([&] { out->num_workers = int(r.integer()); });
    else if (name == "op")
      read_elements(r, &out->op);
    else if (name == "arg")
      read_elements(r, &out->arg);
    else if (name == "device_option")
      read(r, &out->device_option), out->has_device_option = true;
    else if (name == "external_input")
      r.values([&] { out->external_input.push_back(r.string()); });
    else if (name == "external_output")
      r.values([&] { out->external_output.push_back(r.string()); });
    else
      r.skip_value();
  }
}

}  // namespace

Status parse_text(std::string_view text, NetDef* out) {
  TextReader reader(text);
  read(reader, 0, out);
  return std::move(reader.status);
}

void expand_text_nets(OpDef* op) {
  if (op->type.compare(0, 16, "RecurrentNetwork") != 0) return;
  for (Argument& argument : op->arg) {
    if (argument.name != "step_net" && argument.name != "backward_step_net") continue;
    NetDef net;
    if (!argument.has_s || !argument.nets.empty() || !parse_text(argument.s, &net).ok()) continue;
    if (!argument.s.empty()) argument.nets.push_back(std::move(net));
    argument.s.clear(), argument.has_s = false;
  }
}

#endif
}  // namespace pf
