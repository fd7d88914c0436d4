// SPDX-License-Identifier: Apache-2.0
// IEEE 754 binary16, which JavaScript engines do not offer everywhere yet. Tensors hold its bits in a Uint16Array.

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer) // little-endian: words[1] holds sign, exponent and the top of the mantissa

/** The bits of the half nearest to `value`, ties to even; too large becomes infinity, NaN stays NaN. */
export function toHalf(value: number): number {
  float[0] = value
  const sign = ((words[1] as number) >>> 16) & 0x8000
  const magnitude = Math.abs(value)
  if (Number.isNaN(magnitude)) return sign | 0x7e00
  if (magnitude >= 65520) return sign | 0x7c00
  // Every half is a multiple of `unit` in its binade; below 2^-14 the unit no longer shrinks (subnormals).
  const exponent = Math.max(Math.floor(((words[1] as number) & 0x7ff00000) >>> 20) - 1023, -14)
  const steps = roundToEven(magnitude / 2 ** (exponent - 10))
  // `steps` counts from zero within the binade: 1024..2048 for normal numbers, so the carry walks into the exponent.
  return sign | (((exponent + 14) << 10) + steps)
}

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const mantissa = bits & 1023
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY
  if (exponent === 0) return sign * mantissa * 2 ** -24
  return sign * (1024 + mantissa) * 2 ** (exponent - 25)
}

function roundToEven(x: number): number {
  const below = Math.floor(x)
  const rest = x - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
