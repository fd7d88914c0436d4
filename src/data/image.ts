// SPDX-License-Identifier: Apache-2.0
// Pictures and tensors: decode JPEG and PNG, resize, crop, and turn pixels into the input of a net and back. The decoders
// load when they are first needed.
import { elementCount, type Tensor } from '../core/tensor.ts'
import { PfError } from '../util/error.ts'

/** Interleaved 8-bit pixels, rows from the top: grey, RGB or RGBA. */
export interface Image {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3 | 4
  readonly data: Uint8Array
}

/** Interleaved pixels between computations. */
export interface FloatImage {
  readonly width: number
  readonly height: number
  readonly channels: number
  readonly data: Float32Array
}

export interface DecodeOptions {
  /** Larger pictures are refused before memory is taken for them. */
  maxPixels?: number
}

const kMaxPixels = 1 << 26

/** Decodes a JPEG or a PNG. */
export async function decodeImage(bytes: Uint8Array, { maxPixels = kMaxPixels }: DecodeOptions = {}): Promise<Image> {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return decodeJpeg(bytes, maxPixels)
  const { isPng, decodePng } = await import('./png.ts')
  if (isPng(bytes)) return decodePng(bytes, maxPixels)
  throw new PfError('format', 'this is neither a JPEG nor a PNG picture')
}

/** Encodes a picture as PNG. */
export async function encodePng(image: Image): Promise<Uint8Array> {
  const expected = image.width * image.height * image.channels
  if (expected === 0 || image.data.length !== expected) {
    const size = `${image.width}x${image.height} pixels of ${image.channels} channels`
    throw new PfError('shape', `a picture of ${size} takes ${expected} bytes, found ${image.data.length}`)
  }
  return (await import('./png.ts')).encodePng(image)
}

async function decodeJpeg(bytes: Uint8Array, maxPixels: number): Promise<Image> {
  const [jpeg, { checkSize }] = await Promise.all([import('jpeg-js'), import('./png.ts')])
  const [width, height] = jpegSize(bytes)
  checkSize(width, height, maxPixels)
  try {
    // Coefficients, planes and output take about 20 bytes a pixel.
    const maxMemoryUsageInMB = 64 + Math.ceil((width * height * 24) / (1 << 20))
    const limits = { maxResolutionInMP: Math.ceil(maxPixels / 1e6), maxMemoryUsageInMB }
    const decode = jpeg.decode ?? jpeg.default.decode
    const image = decode(bytes, { useTArray: true, formatAsRGBA: false, ...limits })
    return { width: image.width, height: image.height, channels: 3, data: image.data as Uint8Array }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new PfError('parse', `malformed JPEG: ${text}`, { cause: error })
  }
}

// The size stands in the frame header, a segment 0xC0-0xCF but for three that are none.
function jpegSize(bytes: Uint8Array): [number, number] {
  let at = 2
  while (at + 9 <= bytes.length) {
    if (bytes[at] !== 0xff) break
    const marker = bytes[at + 1]
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (frame) return [(bytes[at + 7] << 8) | bytes[at + 8], (bytes[at + 5] << 8) | bytes[at + 6]]
    // A marker may be preceded by fill bytes.
    at += marker === 0xff ? 1 : 2 + ((bytes[at + 2] << 8) | bytes[at + 3])
  }
  throw new PfError('parse', `malformed JPEG: no frame header up to byte ${Math.min(at, bytes.length)}`)
}

/** Bilinear, pixel centres at half: what lies between two centres is mixed from both; shrinking does not average. */
export function resize(image: Image | FloatImage, width: number, height: number): FloatImage {
  const { channels, data } = image
  const [columns, rows] = [taps(image.width, width), taps(image.height, height)]
  const out = new Float32Array(width * height * channels)
  let to = 0
  for (const y of rows) {
    const [upper, lower] = [y.low * image.width, y.high * image.width]
    for (const x of columns) {
      const [a, b] = [(upper + x.low) * channels, (upper + x.high) * channels]
      const [c, d] = [(lower + x.low) * channels, (lower + x.high) * channels]
      for (let k = 0; k < channels; k++) {
        const top = data[a + k] + (data[b + k] - data[a + k]) * x.part
        const bottom = data[c + k] + (data[d + k] - data[c + k]) * x.part
        out[to++] = top + (bottom - top) * y.part
      }
    }
  }
  return { width, height, channels, data: out }
}

interface Tap {
  low: number
  high: number
  part: number
}

// For every output position the two inputs it lies between, and how far it is from the first.
function taps(from: number, to: number): Tap[] {
  if (!Number.isInteger(to) || to < 1) throw new PfError('argument', `a picture cannot be resized to ${to} pixels`)
  return Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1)
    const low = Math.floor(at)
    return { low, high: Math.min(low + 1, from - 1), part: at - low }
  })
}

/** The middle of a picture. */
export function centerCrop<T extends Image | FloatImage>(image: T, width: number, height: number): T {
  const [left, top] = [Math.floor((image.width - width) / 2), Math.floor((image.height - height) / 2)]
  if (left < 0 || top < 0 || width < 1 || height < 1) {
    const have = `a picture of ${image.width}x${image.height}`
    throw new PfError('argument', `${width}x${height} pixels cannot be cut out of ${have}`)
  }
  const length = width * image.channels
  const data = image.data.slice(0, height * length)
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * image.channels
    data.set(image.data.subarray(from, from + length), y * length)
  }
  return { ...image, width, height, data }
}

export interface ImageTensorOptions extends DecodeOptions {
  /** Height and width of the result; that of the picture unless given. */
  size?: number | readonly [height: number, width: number]
  /** How the size is reached: `stretch` to it, or scale the shorter side and `crop` the middle. */
  fit?: 'stretch' | 'crop'
  order?: 'NCHW' | 'NHWC'
  channels?: 'BGR' | 'RGB' | 'gray' | 'BGRA' | 'RGBA'
  /** Subtracted per channel in the order of `channels`, or one for all, or a whole mean image (C, H, W). */
  mean?: number | readonly number[] | Tensor
  /** Multiplied after the mean is taken off; one for all or per channel. */
  scale?: number | readonly number[]
  dtype?: 'float32' | 'uint8'
}

/** A picture, or its bytes, as a batch of one. The default is what Caffe's models take: NCHW, BGR, 0 to 255. */
export async function imageTensor(source: Image | Uint8Array, options: ImageTensorOptions = {}): Promise<Tensor> {
  const image = source instanceof Uint8Array ? await decodeImage(source, options) : source
  const { size = [image.height, image.width], fit = 'stretch', channels = 'BGR' } = options
  const [height, width] = typeof size === 'number' ? [size, size] : size
  const fitted = fitTo(image, width, height, fit)
  const picked = pickChannels(fitted, channels)
  const { order = 'NCHW', dtype = 'float32' } = options
  const shape = order === 'NCHW' ? [1, picked.channels, height, width] : [1, height, width, picked.channels]
  const values = normalised(picked, options)
  const data = order === 'NCHW' ? planes(values, picked.channels) : values
  return { dtype, shape, data: dtype === 'uint8' ? Uint8Array.from(data, (value) => clampByte(value)) : data }
}

function fitTo(image: Image, width: number, height: number, fit: 'stretch' | 'crop'): Image | FloatImage {
  if (fit === 'crop') {
    const scale = Math.max(width / image.width, height / image.height)
    const [w, h] = [
      Math.max(width, Math.round(image.width * scale)),
      Math.max(height, Math.round(image.height * scale)),
    ]
    return centerCrop(w === image.width && h === image.height ? image : resize(image, w, h), width, height)
  }
  return width === image.width && height === image.height ? image : resize(image, width, height)
}

const letters = { R: 0, G: 1, B: 2, A: 3 }

function pickChannels(image: Image | FloatImage, wanted: string): FloatImage {
  const count = image.width * image.height
  const channels = wanted === 'gray' ? 1 : wanted.length
  const out = new Float32Array(count * channels)
  const from = wanted === 'gray' ? [] : [...wanted].map((letter) => letters[letter as keyof typeof letters])
  for (let i = 0; i < count; i++) {
    const at = i * image.channels
    if (wanted === 'gray') out[i] = gray(image, at)
    else for (let c = 0; c < channels; c++) out[i * channels + c] = channelOf(image, at, from[c])
  }
  return { width: image.width, height: image.height, channels, data: out }
}

function channelOf(image: Image | FloatImage, at: number, channel: number): number {
  if (channel === letters.A) return image.channels === 4 ? image.data[at + 3] : 255
  return image.data[image.channels === 1 ? at : at + channel]
}

// The luma of ITU-R BT.601.
function gray({ channels, data }: Image | FloatImage, at: number): number {
  return channels === 1 ? data[at] : 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]
}

function normalised({ width, height, channels, data }: FloatImage, options: ImageTensorOptions): Float32Array {
  const { mean = 0, scale = 1 } = options
  const factor = perChannel(scale, channels, 'scale')
  const size = width * height
  const offset = isTensor(mean) ? meanImage(mean, channels, size) : undefined
  const offsets = isTensor(mean) ? [] : perChannel(mean, channels, 'mean')
  const out = new Float32Array(data.length)
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < channels; c++) {
      const at = i * channels + c
      out[at] = (data[at] - (offset === undefined ? offsets[c] : offset[c * size + i])) * factor[c]
    }
  }
  return out
}

const isTensor = (value: unknown): value is Tensor => typeof value === 'object' && value !== null && 'dtype' in value

function perChannel(value: number | readonly number[], channels: number, what: string): readonly number[] {
  if (typeof value === 'number') return new Array<number>(channels).fill(value)
  if (value.length === channels) return value
  throw new PfError('argument', `${what} has ${value.length} values for ${channels} channels`)
}

function meanImage({ shape, data }: Tensor, channels: number, size: number): ArrayLike<number> {
  if (elementCount(shape) !== channels * size || shape[shape.length - 3] !== channels) {
    throw new PfError(
      'shape',
      `the mean image has the shape [${shape.join(', ')}], the picture ${channels} x ${size} values`,
    )
  }
  return data as ArrayLike<number>
}

function planes(data: Float32Array, channels: number): Float32Array {
  const size = data.length / channels
  const out = new Float32Array(data.length)
  for (let c = 0; c < channels; c++) for (let i = 0; i < size; i++) out[c * size + i] = data[i * channels + c]
  return out
}

export interface TensorImageOptions {
  order?: 'NCHW' | 'NHWC'
  channels?: 'BGR' | 'RGB' | 'gray' | 'BGRA' | 'RGBA'
}

/** The first picture of a tensor (N, C, H, W), (C, H, W) or their NHWC likes, values 0 to 255. */
export function tensorImage(tensor: Tensor, options: TensorImageOptions = {}): Image {
  const { order = 'NCHW' } = options
  const dims = tensor.shape.slice(-3)
  const [count, height, width] = order === 'NCHW' ? dims : [dims[2], dims[0], dims[1]]
  const { channels = count === 1 ? 'gray' : count === 4 ? 'BGRA' : 'BGR' } = options
  if (dims.length < 3 || count !== (channels === 'gray' ? 1 : channels.length)) {
    throw new PfError('shape', `a tensor of shape [${tensor.shape.join(', ')}] is no ${order} picture with ${channels}`)
  }
  const source = tensor.data as ArrayLike<number>
  const size = height * width
  const data = new Uint8Array(size * count)
  for (let c = 0; c < count; c++) {
    const to = channels === 'gray' ? 0 : letters[channels[c] as keyof typeof letters]
    for (let i = 0; i < size; i++) {
      data[i * count + to] = clampByte(order === 'NCHW' ? source[c * size + i] : source[i * count + c])
    }
  }
  return { width, height, channels: count as 1 | 3 | 4, data }
}

function clampByte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(Number(value))))
}
