// SPDX-License-Identifier: Apache-2.0
// Weights too large to record are generated: element i of tensor number k is a hash of i and k, spread over
// [offset - scale, offset + scale).
import { elementCount, type Tensor } from '../core/tensor.ts'

export interface GeneratedTensor {
  name: string
  dims: number[]
  k: number
  scale: number
  offset: number
}

const kGolden = 0x9e3779b9 // one tensor's numbers start this far from the next one's
const kMid = 8388608 // 2^23: 24 bits become a fraction in [-1, 1), exactly

export function generate({ dims, k, scale, offset }: GeneratedTensor): Tensor {
  const data = new Float32Array(elementCount(dims))
  const start = Math.imul(k, kGolden)
  for (let i = 0; i < data.length; i++) {
    // The finalizer of MurmurHash3.
    let h = (i + start) | 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    h ^= h >>> 16
    data[i] = offset + scale * (((h >>> 8) - kMid) / kMid)
  }
  return { dtype: 'float32', shape: dims, data }
}
