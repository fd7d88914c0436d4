// SPDX-License-Identifier: Apache-2.0
// Small changes of pictures that leave their meaning, so that a net sees each one in many ways.
import { type Tensor, zeros } from '../core/tensor.ts'
import { PfError } from '../util/error.ts'
import type { RandomInteger } from '../util/random.ts'

/** Moves each picture of a float batch [N, C, H, W] by up to `pixels` in both directions; zeros come in at the edge. */
export function randomShift(images: Tensor, pixels: number, random: RandomInteger): Tensor {
  const { shape, data } = images
  if (shape.length !== 4 || !(data instanceof Float32Array)) {
    throw new PfError('shape', `randomShift takes float32 [N, C, H, W], found ${images.dtype} [${shape.join(', ')}]`)
  }
  const [count, channels, height, width] = shape
  const out = zeros(shape)
  for (let n = 0; n < count; n++) {
    const dx = random(2 * pixels + 1) - pixels
    const dy = random(2 * pixels + 1) - pixels
    for (let c = 0; c < channels; c++) {
      const start = (n * channels + c) * height * width
      const plane = data.subarray(start, start + height * width)
      shiftPlane(plane, (out.data as Float32Array).subarray(start), width, height, dx, dy)
    }
  }
  return out
}

function shiftPlane(from: Float32Array, to: Float32Array, width: number, height: number, dx: number, dy: number): void {
  const left = Math.max(0, -dx)
  const right = width - Math.max(0, dx)
  for (let y = Math.max(0, -dy); y < height - Math.max(0, dy); y++) {
    if (left < right) to.set(from.subarray(y * width + left, y * width + right), (y + dy) * width + left + dx)
  }
}
