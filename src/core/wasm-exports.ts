// SPDX-License-Identifier: Apache-2.0
/** What a WebAssembly core exports, see cpp/abi/wasm.cc and build/wasm.mjs. The last eight only in builds with threads. */
export interface WasmExports {
  memory: WebAssembly.Memory
  __indirect_function_table: WebAssembly.Table
  malloc(size: number): number
  free(address: number): void
  pf_abi_hash(): number
  pf_call(fn: number, handle: number, input: number, size: number, out: number): number
  pf_last_error(): number
  _initialize(): void

  __stack_pointer: WebAssembly.Global
  __wasm_init_tls(block: number): void
  __tls_size: WebAssembly.Global
  pf_thread_main(index: number): void
  pf_thread_failed(): void
  pf_threads_start(threads: number, oversubscribed: number, mayWait: number): void
  pf_threads_stop(): void
}
