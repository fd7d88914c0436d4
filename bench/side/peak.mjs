// SPDX-License-Identifier: Apache-2.0
// What the registers allow: a WebAssembly loop of twelve running sums that loads nothing, each `sum = sum * a + b` on four
// floats. Written as bytes, so that no compiler has a say but the engine's.

const kSums = 12
const kLoops = 20_000
const [f32x4Mul, f32x4Add, relaxedMadd] = [
  [0xe6, 0x01],
  [0xe4, 0x01],
  [0x85, 0x02],
].map((code) => [0xfd, ...code])
const v128Load = [0xfd, 0x00, 4, 0]
const v128Store = [0xfd, 0x0b, 4, 0]

const get = (local) => [0x20, local]
const set = (local) => [0x21, local]
const number = (value) => {
  const bytes = []
  let rest = value
  for (; rest > 63; rest >>= 7) bytes.push((rest & 127) | 128)
  return [0x41, ...bytes, rest]
}
const leb = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)])
const sized = (bytes) => [...leb(bytes.length), ...bytes]
const section = (id, bytes) => [id, ...sized(bytes)]

/** (module (memory (export "m") 1) (func (export "f") (param $loops i32) …)); a lies at 0, b at 16, sums go to 32. */
function moduleBytes(relaxed) {
  const a = 1
  const b = 2
  const sums = Array.from({ length: kSums }, (_, i) => 3 + i)
  const step = (sum) =>
    relaxed
      ? [...get(sum), ...get(a), ...get(b), ...relaxedMadd, ...set(sum)]
      : [...get(sum), ...get(a), ...f32x4Mul, ...get(b), ...f32x4Add, ...set(sum)]
  const loop = [0x03, 0x40, ...sums.flatMap(step), ...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b]
  const stores = sums.flatMap((sum, i) => [...number(32 + 16 * i), ...get(sum), ...v128Store])
  const load = (address) => [...number(address), ...v128Load]
  const body = [...load(0), ...set(a), ...load(16), ...set(b), ...loop, ...stores, 0x0b]
  const locals = [1, 2 + kSums, 0x7b]
  return Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, 1, 109, 2, 0, 1, 102, 0, 0]),
    ...section(10, [1, ...sized([...locals, ...body])]),
  ])
}

/** A function that measures GFLOP/s once, in some milliseconds. */
export function registerPeak(relaxed) {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(relaxed)))
  new Float32Array(instance.exports.m.buffer).fill(0.5)
  const flops = 2 * 4 * kSums * kLoops
  for (let i = 0; i < 200; i++) instance.exports.f(kLoops / 10) // until the engine has its best code
  return () => {
    const start = performance.now()
    let runs = 0
    for (; performance.now() - start < 8; runs++) instance.exports.f(kLoops)
    return (flops * runs) / (performance.now() - start) / 1e6
  }
}
