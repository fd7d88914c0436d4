// SPDX-License-Identifier: Apache-2.0
// How pictures become the input of a net, from the command line, the model's own model.json, and what is usual.
import type { ImageTensorOptions } from '../data/image.ts'
import { type Given, type Option, UsageError } from './arguments.ts'
import type { Preprocessing } from './model-folder.ts'

export const pictureOptions: readonly Option[] = [
  { flag: '--size', value: 'H[,W]', describe: 'Height and width of the picture for the net' },
  { flag: '--mean', value: 'M[,M,M]', describe: 'Subtracted from pixels of 0 to 255, in the order of the channels' },
  { flag: '--scale', value: 'S', describe: 'Then multiplied' },
  { flag: '--rgb', describe: 'The channels are R, G, B; B, G, R unless told' },
  { flag: '--crop', describe: 'Cuts the middle out instead of squeezing the whole picture' },
]

// Mean of ImageNet's training pictures, in the order B, G, R, as Caffe's models take it.
const imagenetMean = [104, 117, 123]

type Channels = 'BGR' | 'RGB' | 'gray'

/** `size` is what the model asks for, where it does. */
export function pictureOf(
  given: Given,
  { channels: count, size }: { channels: number; size?: readonly number[] },
  preset: Preprocessing = {},
): ImageTensorOptions {
  if (count !== 1 && count !== 3) {
    throw new UsageError(`the input has ${count} channels; only pictures of 1 or 3 can be given`)
  }
  const rgb = given.flag('rgb') || preset.order === 'RGB'
  const channels: Channels = count === 1 ? 'gray' : rgb ? 'RGB' : 'BGR'
  const usualMean = count === 1 ? [0] : rgb ? [...imagenetMean].reverse() : imagenetMean
  return {
    channels,
    mean: numbersOf(given.numbers('mean') ?? preset.mean ?? usualMean),
    // Nets on gray digits take 0 to 1.
    scale: given.number('scale') ?? preset.scale ?? (count === 1 ? 1 / 256 : 1),
    size: sizeOf(given) ?? pairOf(preset.size) ?? pairOf(size),
    fit: given.flag('crop') ? 'crop' : 'stretch',
  }
}

export function sizeOf(given: Given): readonly [number, number] | undefined {
  const size = pairOf(given.numbers('size'))
  if (size?.every((n) => Number.isInteger(n) && n > 0) ?? true) return size
  throw new UsageError(`--size takes whole numbers of 1 or more, found ${size?.join(',')}`)
}

function pairOf(size: number | readonly number[] | undefined): readonly [number, number] | undefined {
  if (size === undefined) return undefined
  if (typeof size === 'number') return [size, size]
  return [size[0], size[1] ?? size[0]]
}

const numbersOf = (values: number | readonly number[]): number | readonly number[] =>
  typeof values === 'number' || values.length > 1 ? values : values[0]
