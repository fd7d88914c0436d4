// SPDX-License-Identifier: Apache-2.0
// Writes caffemodels by hand, so that the converter meets every layout without shared data.
import { WireWriter } from '../../src/net/wire.ts'

export interface BlobSpec {
  dims: readonly number[]
  data: readonly number[]
  /** How old files give it: num, channels, height, width. */
  legacy?: boolean
  double?: boolean
}

/** Field numbers of the two kinds of layers. */
const kinds = {
  layer: { field: 100, name: 1, blobs: 7 },
  layers: { field: 2, name: 4, blobs: 6 },
}

export const blob = (
  dims: readonly number[],
  data: readonly number[] = ramp(dims),
  more: Partial<BlobSpec> = {},
): BlobSpec => ({
  dims,
  data,
  ...more,
})

/** 0, 1, 2, … in a shape. */
export function ramp(dims: readonly number[]): number[] {
  return Array.from({ length: dims.reduce((size, dim) => size * dim, 1) }, (_, i) => i)
}

export function encodeBlob({ dims, data, legacy = false, double = false }: BlobSpec): Uint8Array {
  const writer = new WireWriter()
  if (legacy) for (const [i, dim] of dims.entries()) writer.uint32((i + 1) << 3).int32(dim)
  else writer.uint32((7 << 3) | 2).bytes(new WireWriter().uint32(10).int64s(dims).finish())
  if (double) writer.uint32((8 << 3) | 2).doubles(data)
  else writer.uint32((5 << 3) | 2).floats(data)
  return writer.finish()
}

export function caffemodel(
  layers: Record<string, readonly BlobSpec[]>,
  kind: 'layer' | 'layers' = 'layer',
): Uint8Array {
  const { field, name, blobs } = kinds[kind]
  const net = new WireWriter()
  for (const [layer, specs] of Object.entries(layers)) {
    const body = new WireWriter().uint32((name << 3) | 2).string(layer)
    for (const spec of specs) body.uint32((blobs << 3) | 2).bytes(encodeBlob(spec))
    net.uint32((field << 3) | 2).bytes(body.finish())
  }
  return net.finish()
}
