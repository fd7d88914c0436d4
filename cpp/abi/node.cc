// SPDX-License-Identifier: Apache-2.0
// The binding for Node, Deno and Bun, through the C side of Node-API alone. The module has
//   abiHash                      pf_abi_hash() of this core
//   call(fn, handle, bytes?)     -> {status, handle, bytes}: pf_call(); `bytes` is a view into core memory that dies
//                                with the next call (nothing but blob_feed's may be written)
//   lastError()                  -> the sentence for the status of the last call
#define NAPI_VERSION 8
#include <node_api.h>

#include "abi/pf.h"

namespace {

// Only wrong use of this module gets here, and src/core/native.ts is its only user.
napi_value refuse(napi_env env, const char* why) {
  napi_throw_type_error(env, "argument", why);
  return nullptr;
}

// An engine may refuse memory that is not its own (one whose heap is caged): then the caller gets a copy.
napi_status view(napi_env env, const pf_out& out, napi_value* bytes) {
  napi_value buffer;
  napi_status status = napi_no_external_buffers_allowed;
  if (out.size != 0) status = napi_create_external_arraybuffer(env, out.data, out.size, nullptr, nullptr, &buffer);
  if (status == napi_no_external_buffers_allowed) {
    void* copy = nullptr;
    status = napi_create_arraybuffer(env, out.size, &copy, &buffer);
    if (status == napi_ok && out.size != 0) __builtin_memcpy(copy, out.data, out.size);
  }
  return status == napi_ok ? napi_create_typedarray(env, napi_uint8_array, out.size, buffer, 0, bytes) : status;
}

napi_status set_number(napi_env env, napi_value object, const char* name, uint32_t value) {
  napi_value number;
  const napi_status status = napi_create_uint32(env, value, &number);
  return status == napi_ok ? napi_set_named_property(env, object, name, number) : status;
}

napi_value call(napi_env env, napi_callback_info info) {
  size_t count = 3, size = 0;
  napi_value args[3], result, bytes;
  uint32_t function = 0, handle = 0;
  void* in = nullptr;
  napi_valuetype type = napi_undefined;
  if (napi_get_cb_info(env, info, &count, args, nullptr, nullptr) != napi_ok ||
      napi_get_value_uint32(env, args[0], &function) != napi_ok ||
      napi_get_value_uint32(env, args[1], &handle) != napi_ok || napi_typeof(env, args[2], &type) != napi_ok) {
    return refuse(env, "call(function, handle, bytes?): function and handle must be numbers");
  }
  if (type != napi_undefined) {
    napi_typedarray_type element;
    if (napi_get_typedarray_info(env, args[2], &element, &size, &in, nullptr, nullptr) != napi_ok ||
        element != napi_uint8_array) {
      return refuse(env, "call(function, handle, bytes?): bytes must be a Uint8Array");
    }
  }
  pf_out out = {nullptr, 0, 0};
  const int32_t status = pf_call(function, handle, static_cast<const uint8_t*>(in), size, &out);
  if (status != 0) out = {nullptr, 0, 0};
  if (napi_create_object(env, &result) != napi_ok || set_number(env, result, "status", uint32_t(status)) != napi_ok ||
      set_number(env, result, "handle", out.handle) != napi_ok || view(env, out, &bytes) != napi_ok ||
      napi_set_named_property(env, result, "bytes", bytes) != napi_ok) {
    return refuse(env, "the engine could not make the result of a call");
  }
  return result;
}

napi_value last_error(napi_env env, napi_callback_info) {
  napi_value text;
  return napi_create_string_utf8(env, pf_last_error(), NAPI_AUTO_LENGTH, &text) == napi_ok ? text : nullptr;
}

bool cpu_is_enough() {
#if defined(__x86_64__) && defined(__AVX2__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

}  // namespace

NAPI_MODULE_INIT() {
  if (!cpu_is_enough()) return refuse(env, "the native core was built for a CPU with AVX2 and FMA; this one has not");
  napi_value function;
  if (set_number(env, exports, "abiHash", pf_abi_hash()) != napi_ok ||
      napi_create_function(env, "call", NAPI_AUTO_LENGTH, call, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, "call", function) != napi_ok ||
      napi_create_function(env, "lastError", NAPI_AUTO_LENGTH, last_error, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, "lastError", function) != napi_ok) {
    return refuse(env, "the engine could not make the module");
  }
  return exports;
}
