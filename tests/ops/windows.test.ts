// SPDX-License-Identifier: Apache-2.0
// Operators with a window, in one to three dimensions, both orders and every spelling of their arguments, drawn at random:
// against sums written over all taps, and their gradient operators against what makes a linear function's gradient,
// <dY, f(X)> = <dX, X>.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { type ArgumentValue, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { testBackend } from '../kit/backend.ts'

const backend = testBackend(test)
const kDraws = 60

/** Of one spatial dimension. */
interface Axis {
  size: number
  out: number
  kernel: number
  stride: number
  head: number
  tail: number
  dilation: number
}

type Dice = (from: number, to: number) => number

function dice(seed: number): Dice {
  let state = seed
  return (from, to) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return from + Math.floor((state / 2 ** 32) * (to - from + 1))
  }
}

const product = (numbers: readonly number[]) => numbers.reduce((a, b) => a * b, 1)
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0)

/** Calls `visit` with each index below `sizes`, the last running fastest. */
function forEachIndex(sizes: readonly number[], visit: (index: number[]) => void): void {
  for (let i = 0; i < product(sizes); i++) {
    const index: number[] = []
    for (let d = sizes.length - 1, rest = i; d >= 0; d--) {
      index[d] = rest % sizes[d]
      rest = Math.floor(rest / sizes[d])
    }
    visit(index)
  }
}

/** The places of a tensor of n images, c channels and positions, or of filters, in either order. */
class Places {
  readonly shape: number[]
  constructor(
    readonly n: number,
    readonly c: number,
    readonly spatial: readonly number[],
    readonly last: boolean,
  ) {
    this.shape = last ? [n, ...spatial, c] : [n, c, ...spatial]
  }
  at(n: number, c: number, position: readonly number[]): number {
    const index = this.last ? [n, ...position, c] : [n, c, ...position]
    return index.reduce((sum, x, d) => sum * this.shape[d] + x, 0)
  }
  get size(): number {
    return product(this.shape)
  }
}

/** Calls `visit` with every output position and each tap over it that lies inside the image. */
function forEachTap(axes: readonly Axis[], visit: (out: number[], at: number[], tap: number[]) => void): void {
  const outs = axes.map(({ out }) => out)
  const kernels = axes.map(({ kernel }) => kernel)
  forEachIndex(outs, (out) =>
    forEachIndex(kernels, (tap) => {
      const at = axes.map(({ stride, head, dilation }, d) => out[d] * stride - head + tap[d] * dilation)
      if (at.every((x, d) => x >= 0 && x < axes[d].size)) visit(out, at, tap)
    }),
  )
}

const kLegacy = { none: 0, valid: 1, same: 2, caffe: 3 }

/** Sizes and paddings as Caffe2 computes them. */
function settle(axis: Axis, legacy: number): void {
  const { size, kernel, stride, dilation } = axis
  const span = dilation * (kernel - 1) + 1
  if (legacy === kLegacy.valid) axis.head = axis.tail = 0
  if (legacy === kLegacy.same) {
    const needed = (Math.ceil(size / stride) - 1) * stride + kernel - size
    axis.head = Math.trunc(needed / 2)
    axis.tail = needed - axis.head
  }
  axis.out = Math.floor((size + axis.head + axis.tail - span) / stride) + 1
  if (legacy === kLegacy.caffe) {
    const plain = Math.floor((size + 2 * axis.head - kernel) / stride) + 1
    axis.out = Math.ceil((size + 2 * axis.head - kernel) / stride) + 1
    if (axis.head > 0 && (axis.out - 1) * stride >= size + axis.head) axis.out--
    axis.tail = axis.head + stride * (axis.out - plain)
  }
}

/** One property of all dimensions, by one of the names that say it. */
function spell(name: string, values: number[], roll: Dice): Record<string, ArgumentValue> {
  const even = values.every((x) => x === values[0])
  if (even && values.length === 2 && roll(0, 1)) return { [name]: values[0] }
  if (values.length === 2 && roll(0, 1)) return { [`${name}_h`]: values[0], [`${name}_w`]: values[1] }
  return { [`${name}s`]: values }
}

function spellPads(axes: readonly Axis[], roll: Dice): Record<string, ArgumentValue> {
  const heads = axes.map(({ head }) => head)
  const tails = axes.map(({ tail }) => tail)
  const all = [...heads, ...tails]
  if (axes.length === 2 && all.every((x) => x === all[0]) && roll(0, 1)) return { pad: all[0] }
  if (axes.length === 2 && roll(0, 1)) return { pad_t: heads[0], pad_l: heads[1], pad_b: tails[0], pad_r: tails[1] }
  return { pads: all }
}

interface Drawn {
  axes: Axis[]
  args: Record<string, ArgumentValue>
  last: boolean
  n: number
  suffix: string
}

function draw(roll: Dice, { dilated = false, legacy = false, ranks = [1, 3] }): Drawn {
  const rank = roll(ranks[0], ranks[1])
  const rule = legacy ? roll(0, 3) : 0
  const spread = dilated && roll(0, 1) ? 2 : 1
  const pad = roll(0, 1)
  const axes = Array.from({ length: rank }, (): Axis => {
    const kernel = roll(1, 3)
    const [head, tail] = [roll(0, Math.min(pad, kernel - 1)), roll(0, Math.min(pad, kernel - 1))]
    const even = rule === kLegacy.caffe ? head : tail
    const dilation = kernel > 1 ? spread : 1
    return { size: roll(5, 7), out: 0, kernel, stride: roll(1, 2), head, tail: even, dilation }
  })
  const last = roll(0, 1) === 1
  const args: Record<string, ArgumentValue> = { order: last ? 'NHWC' : 'NCHW' }
  const of = (key: 'kernel' | 'stride' | 'dilation') => axes.map((axis) => axis[key])
  Object.assign(args, spell('kernel', of('kernel'), roll), spell('stride', of('stride'), roll))
  if (dilated) Object.assign(args, spell('dilation', of('dilation'), roll))
  if (rule === kLegacy.none || rule === kLegacy.caffe) Object.assign(args, spellPads(axes, roll))
  if (rule) args.legacy_pad = rule
  for (const axis of axes) settle(axis, rule)
  return { axes, args, last, n: roll(1, 2), suffix: roll(0, 1) ? `${rank}D` : '' }
}

/** Different numbers, so that no maximum is there twice. */
function numbers(count: number, roll: Dice): Float64Array {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const k = roll(0, i)
    ;[order[i], order[k]] = [order[k], order[i]]
  }
  return Float64Array.from(order, (x) => ((x + 0.5) / count) * 4 - 2)
}

type Fed = readonly (readonly [shape: readonly number[], data: ArrayLike<number>])[]

async function run(type: string, inputs: Fed, outputs: number, args: Record<string, ArgumentValue>) {
  await using ws = await Workspace.open(await backend())
  const ins = inputs.map((_, i) => `in${i}`)
  const outs = Array.from({ length: outputs }, (_, i) => `out${i}`)
  for (const [i, [shape, data]] of inputs.entries()) await ws.feedBlob(ins[i], tensor(Float32Array.from(data), shape))
  await ws.runOperatorOnce(operatorDef(type, ins, outs, args))
  return (await ws.fetchBlobs(outs)).map(({ shape, data }) => ({ shape: [...shape], data: data as Float32Array }))
}

function near(found: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  assert.is(found.length, wanted.length, `elements of ${what}`)
  for (let i = 0; i < wanted.length; i++) {
    const off = Math.abs(found[i] - wanted[i]) / Math.max(1, Math.abs(wanted[i]))
    assert.ok(off <= 2e-5, `${what}: element ${i} is ${found[i]}, should be ${wanted[i]}`)
  }
}

type Pool = 'AveragePool' | 'MaxPool' | 'LpPool'
const kPower = 3

/** Y, and dX for dY, each by its definition. */
function poolReference(kind: Pool, drawn: Drawn, xs: Places, ys: Places, x: Float64Array, dy: Float64Array) {
  const [y, dx, count] = [new Float64Array(ys.size), new Float64Array(xs.size), new Float64Array(ys.size)]
  const taps = (visit: (o: number, i: number) => void) =>
    forEachIndex([xs.n, xs.c], ([n, c]) =>
      forEachTap(drawn.axes, (out, at) => visit(ys.at(n, c, out), xs.at(n, c, at))),
    )
  if (kind === 'MaxPool') y.fill(Number.NEGATIVE_INFINITY)
  taps((o, i) => {
    count[o]++
    if (kind === 'MaxPool') y[o] = Math.max(y[o], x[i])
    else y[o] += kind === 'LpPool' ? Math.abs(x[i]) ** kPower : x[i]
  })
  if (kind === 'AveragePool') for (const o of y.keys()) y[o] /= count[o]
  if (kind === 'LpPool') for (const o of y.keys()) y[o] **= 1 / kPower
  taps((o, i) => {
    if (kind === 'AveragePool') dx[i] += dy[o] / count[o]
    else if (kind === 'LpPool') dx[i] += (dy[o] * x[i] * Math.abs(x[i]) ** (kPower - 2)) / y[o] ** (kPower - 1)
    else if (x[i] === y[o]) dx[i] += dy[o]
  })
  return { y, dx }
}

async function checkPool(kind: Pool, roll: Dice): Promise<void> {
  const drawn = draw(roll, kind === 'LpPool' ? { ranks: [2, 2] } : { legacy: true })
  if (drawn.axes.some(({ out, tail, kernel }) => out < 1 || tail >= kernel)) return
  const args = kind === 'LpPool' ? { ...drawn.args, p: kPower } : drawn.args
  const c = roll(1, 9)
  const sizes = drawn.axes.map(({ size }) => size)
  const outs = drawn.axes.map(({ out }) => out)
  const [xs, ys] = [new Places(drawn.n, c, sizes, drawn.last), new Places(drawn.n, c, outs, drawn.last)]
  const [x, dy] = [numbers(xs.size, roll), numbers(ys.size, roll)]
  const wanted = poolReference(kind, drawn, xs, ys, x, dy)
  const suffix = kind === 'LpPool' ? '' : drawn.suffix
  const what = `${kind}${suffix} ${JSON.stringify(args)} of [${xs.shape}]`
  const [y] = await run(kind + suffix, [[xs.shape, x]], 1, args)
  assert.equal(y.shape, ys.shape, what)
  near(y.data, wanted.y, what)
  const fed: Fed = [
    [xs.shape, x],
    [ys.shape, y.data],
    [ys.shape, dy],
  ]
  const [dx] = await run(`${kind}${suffix}Gradient`, fed, 1, args)
  near(dx.data, wanted.dx, `gradient of ${what}`)
}

for (const kind of ['AveragePool', 'MaxPool', 'LpPool'] as const) {
  test(`${kind} and its gradient`, async () => {
    const roll = dice(kind.length)
    for (let i = 0; i < kDraws; i++) await checkPool(kind, roll)
  })
}

/** What goes into a convolution or its transpose, and the gradient operator's answers. */
async function checkGradients(
  type: string,
  args: Record<string, ArgumentValue>,
  [x, w, y]: Fed,
  channels: (i: number) => number,
  what: string,
): Promise<void> {
  const dy = Float64Array.from(y[1], (_, i) => Math.sin(i + 1))
  const [dw, db, dx] = await run(`${type}Gradient`, [x, w, [y[0], dy]], 3, args)
  assert.equal([dw.shape, dx.shape], [w[0], x[0]], what)
  const wanted = dot(dy, y[1])
  near([dot(dw.data, w[1]), dot(dx.data, x[1])], [wanted, wanted], `gradient of ${what}`)
  const sums = new Float64Array(db.data.length)
  for (const [i, d] of dy.entries()) sums[channels(i)] += d
  near(db.data, sums, `gradient of the bias of ${what}`)
  const without = await run(`${type}Gradient`, [x, w, [y[0], dy]], 2, { ...args, no_bias: 1 })
  near(without[0].data, dw.data, `gradient of the filters of ${what}, without a bias`)
  near(without[1].data, dx.data, `gradient of the input of ${what}, without a bias`)
}

/** LC has a filter, and a bias, of its own for each position of the output. */
async function checkConvolution(kind: 'Conv' | 'LC', roll: Dice): Promise<void> {
  const group = roll(0, 2) ? 1 : 2
  const drawn = draw(roll, { dilated: group === 1 })
  if (drawn.axes.some(({ out }) => out < 1)) return
  const { n, last } = drawn
  const args = group > 1 ? { ...drawn.args, group } : drawn.args
  const [c, m] = [group * roll(1, 3), group * roll(1, 5)]
  const of = (key: 'size' | 'out' | 'kernel') => drawn.axes.map((axis) => axis[key])
  const xs = new Places(n, c, of('size'), last)
  const ys = new Places(n, m, of('out'), last)
  const filter = new Places(m, c / group, of('kernel'), last)
  const own = kind === 'LC' ? of('out') : []
  const filterAt = (out: readonly number[]) => own.reduce((sum, count, d) => sum * count + out[d], 0)
  const [x, w] = [numbers(xs.size, roll), numbers(product(own) * filter.size, roll)]
  const b = numbers(product(own) * m, roll)
  const y = new Float64Array(ys.size)
  forEachIndex([n, m], ([image, k]) => {
    const first = Math.floor(k / (m / group)) * (c / group)
    forEachTap(drawn.axes, (out, at, tap) => {
      for (let i = 0; i < c / group; i++)
        y[ys.at(image, k, out)] +=
          x[xs.at(image, first + i, at)] * w[filterAt(out) * filter.size + filter.at(k, i, tap)]
    })
  })
  const pixels = product(of('out'))
  const bias = (i: number) => {
    const [channel, pixel] = last ? [i % m, Math.floor(i / m)] : [Math.floor(i / pixels) % m, i]
    return (pixel % product(own)) * m + channel
  }
  const type = `${kind}${drawn.suffix}`
  const what = `${type} ${JSON.stringify(args)} of [${xs.shape}]`
  const fed: Fed = [
    [xs.shape, x],
    [[...own, ...filter.shape], w],
  ]
  const [plain] = await run(type, fed, 1, args)
  assert.equal(plain.shape, ys.shape, what)
  near(plain.data, y, what)
  const [biased] = await run(type, [...fed, [[...own, m], b]], 1, args)
  const moved = y.map((value, i) => value + b[bias(i)])
  near(biased.data, moved, `${what} with a bias`)
  await checkGradients(type, args, [...fed, [ys.shape, y]], bias, what)
}

for (const [kind, seed] of [
  ['Conv', 5],
  ['LC', 11],
] as const) {
  test(`${kind} and its gradient`, async () => {
    const roll = dice(seed)
    for (let i = 0; i < kDraws; i++) await checkConvolution(kind, roll)
  })
}

async function checkConvTranspose(roll: Dice): Promise<void> {
  const drawn = draw(roll, { ranks: [2, 2] })
  const { axes, n, last } = drawn
  // The roles of input and output are the other way round: the positions of X are those that a Conv would write.
  const adjust = axes.map(({ stride }) => roll(0, stride - 1))
  for (const [d, axis] of axes.entries()) {
    axis.out = axis.size
    axis.size = (axis.out - 1) * axis.stride + axis.kernel + adjust[d] - axis.head - axis.tail
  }
  const args = { ...drawn.args, ...spell('adj', adjust, roll) }
  const [c, m] = [roll(1, 3), roll(1, 5)]
  const of = (key: 'size' | 'out' | 'kernel') => axes.map((axis) => axis[key])
  const [xs, ys] = [new Places(n, c, of('out'), last), new Places(n, m, of('size'), last)]
  const ws = new Places(c, m, of('kernel'), last)
  const [x, w] = [numbers(xs.size, roll), numbers(ws.size, roll)]
  const y = new Float64Array(ys.size)
  forEachIndex([n, c, m], ([image, i, k]) =>
    forEachTap(axes, (out, at, tap) => {
      y[ys.at(image, k, at)] += x[xs.at(image, i, out)] * w[ws.at(i, k, tap)]
    }),
  )
  const what = `ConvTranspose ${JSON.stringify(args)} of [${xs.shape}]`
  const fed: Fed = [
    [xs.shape, x],
    [ws.shape, w],
  ]
  const [found] = await run('ConvTranspose', fed, 1, args)
  assert.equal(found.shape, ys.shape, what)
  near(found.data, y, what)
  const channels = (i: number) => (last ? i % m : Math.floor(i / product(of('size'))) % m)
  await checkGradients('ConvTranspose', args, [...fed, [ys.shape, y]], channels, what)
}

test('ConvTranspose and its gradient', async () => {
  const roll = dice(7)
  for (let i = 0; i < kDraws; i++) await checkConvTranspose(roll)
})

async function checkColumns(roll: Dice): Promise<void> {
  const drawn = draw(roll, { dilated: true, ranks: [2, 2] })
  if (drawn.axes.some(({ out }) => out < 1)) return
  const { axes, args, last, n } = drawn
  const c = roll(1, 4)
  const of = (key: 'size' | 'out' | 'kernel') => axes.map((axis) => axis[key])
  const taps = product(of('kernel'))
  const [images, columns] = [new Places(n, c, of('size'), last), new Places(n, c * taps, of('out'), last)]
  const [image, column] = [numbers(images.size, roll), numbers(columns.size, roll)]
  const [gathered, added] = [new Float64Array(columns.size), new Float64Array(images.size)]
  forEachIndex([n, c], ([i, channel]) =>
    forEachTap(axes, (out, at, [row, place]) => {
      const tap = row * axes[1].kernel + place
      const to = columns.at(i, last ? tap * c + channel : channel * taps + tap, out)
      const from = images.at(i, channel, at)
      gathered[to] = image[from]
      added[from] += column[to]
    }),
  )
  const what = `${JSON.stringify(args)} of [${images.shape}]`
  const [there] = await run('Im2Col', [[images.shape, image]], 1, args)
  assert.equal(there.shape, columns.shape, `Im2Col ${what}`)
  near(there.data, gathered, `Im2Col ${what}`)
  const fed: Fed = [
    [columns.shape, column],
    [images.shape, image],
  ]
  const [back] = await run('Col2Im', fed, 1, args)
  assert.equal(back.shape, images.shape, `Col2Im ${what}`)
  near(back.data, added, `Col2Im ${what}`)
}

test('Im2Col and Col2Im', async () => {
  const roll = dice(13)
  for (let i = 0; i < kDraws; i++) await checkColumns(roll)
})

test.run()
