// SPDX-License-Identifier: Apache-2.0
// PNG in any runtime: the engine's own inflate does the work, which is why no library is needed. Reads every kind of
// PNG there is and gives 8 bits a channel; writes plain grey, RGB and RGBA.
import { PfError } from '../util/error.ts'
import type { Image } from './image.ts'

interface Header {
  width: number
  height: number
  depth: number
  color: number
  interlaced: boolean
}

const signature = [137, 80, 78, 71, 13, 10, 26, 10]
const kGray = 0
const kPalette = 3
const samplesOf: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
const depthsOf: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] }

export function isPng(bytes: Uint8Array): boolean {
  return signature.every((byte, i) => bytes[i] === byte)
}

export async function decodePng(bytes: Uint8Array, maxPixels: number): Promise<Image> {
  const { header, palette, transparency, data } = readChunks(bytes, maxPixels)
  const passes = header.interlaced ? interlacePasses(header) : [whole(header)]
  const size = passes.reduce((sum, pass) => sum + pass.height * (1 + rowBytes(header, pass.width)), 0)
  const raw = await inflate(data, size)
  const samples = new Uint16Array(header.width * header.height * samplesOf[header.color])
  let at = 0
  for (const pass of passes) at = readPass(raw, at, header, pass, samples)
  return toImage(header, samples, palette, transparency)
}

function malformed(what: string): never {
  throw new PfError('parse', `malformed PNG: ${what}`)
}

function readChunks(bytes: Uint8Array, maxPixels: number) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let header: Header | undefined
  let palette: Uint8Array | undefined
  let transparency: Uint8Array | undefined
  const data: Uint8Array[] = []
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) malformed(`it ends at byte ${bytes.length}, inside a chunk`)
    const length = view.getUint32(at)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    const end = at + 8 + length
    if (end + 4 > bytes.length) malformed(`chunk ${type} at byte ${at} runs past the end`)
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end))
      malformed(`chunk ${type} at byte ${at} is damaged (CRC)`)
    const body = bytes.subarray(at + 8, end)
    if (type === 'IHDR') header = readHeader(body, maxPixels)
    else if (type === 'PLTE') palette = body
    else if (type === 'tRNS') transparency = body
    else if (type === 'IDAT') data.push(body)
    else if (type === 'IEND') break
    at = end + 4
  }
  if (header === undefined || data.length === 0) malformed('it has no image')
  if (header.color === kPalette && palette === undefined) malformed('its palette is missing')
  return { header, palette, transparency, data }
}

function readHeader(body: Uint8Array, maxPixels: number): Header {
  if (body.length !== 13) malformed('its header has another length than 13')
  const view = new DataView(body.buffer, body.byteOffset, 13)
  const [width, height, depth, color] = [view.getUint32(0), view.getUint32(4), body[8], body[9]]
  if (!depthsOf[color]?.includes(depth)) malformed(`colour type ${color} with ${depth} bits`)
  if (body[10] !== 0 || body[11] !== 0 || body[12] > 1) malformed('an unknown compression, filter or interlace method')
  checkSize(width, height, maxPixels)
  return { width, height, depth, color, interlaced: body[12] === 1 }
}

/** Refuses empty and absurd pictures before anything is allocated for them. */
export function checkSize(width: number, height: number, maxPixels: number): void {
  if (width === 0 || height === 0) throw new PfError('parse', `a picture of ${width}x${height} pixels is empty`)
  if (width * height > maxPixels) {
    const what = `a picture of ${width}x${height} pixels is larger than the limit of ${maxPixels} pixels`
    throw new PfError('unsupported', `${what}; raise maxPixels if it is meant`)
  }
}

async function inflate(parts: Uint8Array[], size: number): Promise<Uint8Array> {
  if (typeof DecompressionStream === 'undefined') {
    throw new PfError('unsupported', 'this engine has no DecompressionStream, which reading a PNG needs')
  }
  const out = new Uint8Array(size)
  let at = 0
  try {
    const source = new Blob(parts as BlobPart[]).stream()
    const reader = source.pipeThrough(new DecompressionStream('deflate')).getReader()
    for (let next = await reader.read(); !next.done && at < size; next = await reader.read()) {
      const piece = next.value.subarray(0, size - at)
      out.set(piece, at)
      at += piece.length
    }
    // Whatever follows the last row is not waited for: it could go on for ever.
    if (at === size) await reader.cancel()
  } catch (error) {
    // Too little data shows as an error as well; with all rows there nothing is missing.
    if (at < size) throw new PfError('parse', 'malformed PNG: its compressed data is damaged or cut', { cause: error })
  }
  if (at < size) malformed(`it has ${at} of ${size} bytes of pixels`)
  return out
}

interface Pass {
  width: number
  height: number
  x: number
  y: number
  dx: number
  dy: number
}

const whole = ({ width, height }: Header): Pass => ({ width, height, x: 0, y: 0, dx: 1, dy: 1 })

// Adam7: seven coarse pictures that interleave.
function interlacePasses({ width, height }: Header): Pass[] {
  const steps = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ]
  const passes = steps.map(([x, y, dx, dy]) => {
    return { x, y, dx, dy, width: Math.ceil((width - x) / dx), height: Math.ceil((height - y) / dy) }
  })
  return passes.filter((pass) => pass.width > 0 && pass.height > 0)
}

const rowBytes = ({ depth, color }: Header, width: number) => Math.ceil((width * samplesOf[color] * depth) / 8)

// Undoes the row filters in place and puts the samples where they belong; returns where the next pass begins.
function readPass(raw: Uint8Array, start: number, header: Header, pass: Pass, samples: Uint16Array): number {
  const length = rowBytes(header, pass.width)
  const step = Math.max(1, (samplesOf[header.color] * header.depth) >> 3)
  let above: Uint8Array = new Uint8Array(length)
  let at = start
  for (let y = 0; y < pass.height; y++) {
    const filter = raw[at]
    if (filter > 4) malformed(`row ${y} has the unknown filter ${filter}`)
    const row = raw.subarray(at + 1, at + 1 + length)
    unfilter(filter, row, above, step)
    scatter(row, header, pass, y, samples)
    above = row
    at += 1 + length
  }
  return at
}

function unfilter(filter: number, row: Uint8Array, above: Uint8Array, step: number): void {
  if (filter === 0) return
  for (let i = 0; i < row.length; i++) {
    const left = i >= step ? row[i - step] : 0
    if (filter === 1) row[i] += left
    else if (filter === 2) row[i] += above[i]
    else if (filter === 3) row[i] += (left + above[i]) >> 1
    else row[i] += paeth(left, above[i], i >= step ? above[i - step] : 0)
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}

function scatter(row: Uint8Array, { width, depth, color }: Header, pass: Pass, y: number, samples: Uint16Array): void {
  const perPixel = samplesOf[color]
  const line = (pass.y + y * pass.dy) * width
  for (let x = 0; x < pass.width; x++) {
    const to = (line + pass.x + x * pass.dx) * perPixel
    for (let s = 0; s < perPixel; s++) samples[to + s] = sampleAt(row, x * perPixel + s, depth)
  }
}

function sampleAt(row: Uint8Array, index: number, depth: number): number {
  if (depth === 8) return row[index]
  if (depth === 16) return (row[2 * index] << 8) | row[2 * index + 1]
  const bit = index * depth
  return (row[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1)
}

function toImage(header: Header, samples: Uint16Array, palette?: Uint8Array, transparency?: Uint8Array): Image {
  const { width, height, depth, color } = header
  if (color === kPalette) return fromPalette(header, samples, palette as Uint8Array, transparency)
  const scale = 255 / (2 ** depth - 1)
  const narrow = (value: number) => (depth === 16 ? value >> 8 : Math.round(value * scale))
  const perPixel = samplesOf[color]
  const colors = perPixel < 3 ? 1 : 3
  const key = transparency && new DataView(transparency.buffer, transparency.byteOffset, transparency.byteLength)
  const keyed = key !== undefined && key.byteLength >= 2 * colors && color < 4
  const alpha = keyed || color >= 4
  // Grey with alpha becomes RGBA, so that there are only three kinds of pictures.
  const channels = alpha ? 4 : colors
  const data = new Uint8Array(width * height * channels)
  for (let i = 0, from = 0, to = 0; i < width * height; i++, from += perPixel, to += channels) {
    for (let c = 0; c < Math.min(channels, 3); c++) data[to + c] = narrow(samples[from + (colors === 1 ? 0 : c)])
    if (!alpha) continue
    data[to + 3] = keyed ? (isKey(samples, from, key, colors) ? 0 : 255) : narrow(samples[from + colors])
  }
  return { width, height, channels, data }
}

function isKey(samples: Uint16Array, from: number, key: DataView, colors: number): boolean {
  for (let c = 0; c < colors; c++) if (samples[from + c] !== key.getUint16(2 * c)) return false
  return true
}

function fromPalette(header: Header, indexes: Uint16Array, palette: Uint8Array, transparency?: Uint8Array): Image {
  const channels = transparency === undefined ? 3 : 4
  const data = new Uint8Array(indexes.length * channels)
  for (let i = 0; i < indexes.length; i++) {
    const entry = 3 * indexes[i]
    if (entry + 2 >= palette.length) malformed(`colour ${indexes[i]} is not in its palette`)
    data.set(palette.subarray(entry, entry + 3), i * channels)
    if (transparency !== undefined) data[i * channels + 3] = transparency[indexes[i]] ?? 255
  }
  return { width: header.width, height: header.height, channels, data }
}

export async function encodePng({ width, height, channels, data }: Image): Promise<Uint8Array> {
  const length = width * channels
  const raw = new Uint8Array(height * (length + 1))
  for (let y = 0; y < height; y++) {
    // Filter 1 (difference to the left) for every row: cheap, and photos shrink well.
    raw[y * (length + 1)] = 1
    for (let x = 0; x < length; x++) {
      raw[y * (length + 1) + 1 + x] = data[y * length + x] - (x >= channels ? data[y * length + x - channels] : 0)
    }
  }
  const stream = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'))
  const body = new Uint8Array(await new Response(stream).arrayBuffer())
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header[8] = 8
  header[9] = channels === 1 ? kGray : channels === 3 ? 2 : 6
  const parts = [
    Uint8Array.from(signature),
    chunk('IHDR', header),
    chunk('IDAT', body),
    chunk('IEND', new Uint8Array(0)),
  ]
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(body.length + 12)
  const view = new DataView(out.buffer)
  view.setUint32(0, body.length)
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i)
  out.set(body, 8)
  view.setUint32(body.length + 8, crc32(out.subarray(4, body.length + 8)))
  return out
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
