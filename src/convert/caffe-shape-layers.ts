// SPDX-License-Identifier: Apache-2.0
// Layers that move, join, cut or reduce. Some need to know the shape of their input: the converter follows shapes from
// the inputs on as far as it can.
import type { ArgumentValue } from '../net/net-def.ts'
import type { LayerContext } from './caffe-model.ts'

const kFloatType = 1

/** An axis counted from the front; negative ones need the rank. */
function fromFront(c: LayerContext, axis: number): number {
  return axis >= 0 ? axis : axis + known(c).length
}

function known(c: LayerContext, blob = c.bottom[0]): readonly number[] {
  return c.shape(blob) ?? c.fail(`the shape of "${blob}" is not known: give the shapes of the inputs`)
}

// Caffe normalises along one axis at each position; Caffe2 over everything from the axis on. The two agree when all
// after the axis is of size one. Else the axis is brought to the end and back.
export function softmax(c: LayerContext): void {
  const { axis = 1 } = c.param<{ axis: number }>('softmaxParam')
  const [bottom, top] = [c.bottom[0], c.top[0]]
  const shape = c.shape(bottom)
  c.setShape(top, shape)
  const front = fromFront(c, axis)
  const rest = shape?.slice(front + 1)
  if (rest?.some((dim) => dim !== 1)) softmaxAt(c, front, shape?.length ?? 0)
  else {
    if (rest === undefined)
      c.warn(`Softmax covers all from axis ${front} on; where that is more than one axis, results differ`)
    else if (rest.length > 0) c.warn('exact for this input size only; for larger inputs convert with their inputShapes')
    c.emit('Softmax', [bottom], [top], front === 1 ? {} : { axis: front })
  }
}

function softmaxAt(c: LayerContext, axis: number, rank: number): void {
  const others = range(rank).filter((i) => i !== axis)
  const order = [...others, axis]
  const back = range(rank).map((i) => order.indexOf(i))
  c.chain([
    { type: 'Transpose', args: { axes: order } },
    { type: 'Softmax', args: { axis: rank - 1 } },
    { type: 'Transpose', args: { axes: back } },
  ])
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

export function concat(c: LayerContext): void {
  const p = c.param<{ axis: number; concatDim: number }>('concatParam')
  const axis = p.axis ?? p.concatDim ?? 1
  const args: Record<string, ArgumentValue> = axis === 1 ? { order: 'NCHW' } : { axis: fromFront(c, axis) }
  c.emit('Concat', c.bottom, [c.top[0], `_${c.top[0]}_dims`], args)
  const shapes = c.bottom.map((blob) => c.shape(blob))
  if (shapes.every((shape) => shape !== undefined)) {
    const joined = [...shapes[0]]
    joined[fromFront(c, axis)] = shapes.reduce((sum, shape) => sum + shape[fromFront(c, axis)], 0)
    c.setShape(c.top[0], joined)
  }
}

export function slice(c: LayerContext): void {
  const p = c.param<{ axis: number; sliceDim: number; slicePoint: number[] }>('sliceParam')
  const axis = fromFront(c, p.axis ?? p.sliceDim ?? 1)
  const points = p.slicePoint ?? []
  const shape = c.shape(c.bottom[0])
  if (points.length > 0 && points.length !== c.top.length - 1) {
    c.fail(`it has ${points.length} slice_point for ${c.top.length} tops`)
  }
  // Without points the parts are equal, and Split needs no sizes.
  const total = points.length > 0 ? known(c)[axis] : shape?.[axis]
  const sizes = total === undefined ? [] : partSizes(points, c.top.length, total)
  c.emit('Split', c.bottom, c.top, { axis, split: points.length > 0 ? sizes : undefined })
  for (const [i, top] of c.top.entries()) {
    const part = shape?.map((dim, k) => (k === axis ? sizes[i] : dim))
    c.setShape(top, part)
  }
}

function partSizes(points: number[], parts: number, total: number): number[] {
  const ends = points.length > 0 ? [...points, total] : range(parts).map((i) => ((i + 1) * total) / parts)
  return ends.map((end, i) => end - (i === 0 ? 0 : ends[i - 1]))
}

export function permute(c: LayerContext): void {
  const { order = [] } = c.param<{ order: number[] }>('permuteParam')
  const shape = c.shape(c.bottom[0])
  const rank = shape?.length ?? Math.max(4, order.length)
  // Axes that are not named follow in their order.
  const axes = [...order, ...range(rank).filter((axis) => !order.includes(axis))]
  c.plain('Transpose', { axes })
  c.setShape(c.top[0], shape && axes.map((axis) => shape[axis]))
}

export function reshape(c: LayerContext): void {
  const {
    shape,
    axis = 0,
    numAxes = -1,
  } = c.param<{ shape: { dim: number[] }; axis: number; numAxes: number }>('reshapeParam')
  const dims = (shape?.dim ?? []).map(Number)
  const input = c.shape(c.bottom[0])
  const target = axis === 0 && numAxes === -1 ? dims : partReshape(c, dims, axis, numAxes)
  c.emit('Reshape', c.bottom, [c.top[0], `_${c.bottom[0]}_dims`], { shape: target })
  c.setShape(c.top[0], input && resolved(target, input))
}

// Only the axes [axis, axis + numAxes) are replaced; those before can be copied by a zero, those after must be known.
function partReshape(c: LayerContext, dims: number[], axis: number, numAxes: number): number[] {
  const start = axis >= 0 ? axis : known(c).length + axis + 1
  const after = numAxes === -1 ? [] : known(c).slice(start + numAxes)
  const middle = dims.map((dim, i) => (dim === 0 ? known(c)[start + i] : dim))
  return [...new Array<number>(start).fill(0), ...middle, ...after]
}

function resolved(target: readonly number[], input: readonly number[]): number[] | undefined {
  const dims = target.map((dim, i) => (dim === 0 ? input[i] : dim))
  const given = dims.filter((dim) => dim !== -1).reduce((size, dim) => size * dim, 1)
  const total = input.reduce((size, dim) => size * dim, 1)
  const all = dims.map((dim) => (dim === -1 ? total / given : dim))
  return all.every(Number.isInteger) ? all : undefined
}

export function flatten(c: LayerContext): void {
  const { axis = 1, endAxis = -1 } = c.param<{ axis: number; endAxis: number }>('flattenParam')
  const input = c.shape(c.bottom[0])
  const start = fromFront(c, axis)
  const end = endAxis === -1 ? undefined : fromFront(c, endAxis) + 1
  const target = [...new Array<number>(start).fill(0), -1, ...(end === undefined ? [] : known(c).slice(end))]
  if (end === undefined && start === 1) c.plain('Flatten')
  else if (end === undefined && start === 0) c.plain('FlattenToVec')
  else c.emit('Reshape', c.bottom, [c.top[0], `_${c.bottom[0]}_dims`], { shape: target })
  c.setShape(c.top[0], input && resolved(target, input))
}

// From `axis` on, the first bottom is cut to the size of the second. Slice cuts one axis at a time.
export function crop(c: LayerContext): void {
  const { axis = 2, offset = [] } = c.param<{ axis: number; offset: number[] }>('cropParam')
  const [from, to] = [known(c), known(c, c.bottom[1])]
  const first = fromFront(c, axis)
  const cut = range(from.length).filter((i) => i >= first && from[i] !== to[i])
  const steps = cut.map((i) => {
    const start = offset[offset.length > 1 ? i - first : 0] ?? 0
    const starts = from.map((_, k) => (k === i ? start : 0))
    return { type: 'Slice', args: { starts, ends: from.map((_, k) => (k === i ? start + to[i] : -1)) } }
  })
  c.chain(steps.length > 0 ? steps : [{ type: 'Copy' }])
  c.setShape(
    c.top[0],
    from.map((dim, i) => (i >= first ? to[i] : dim)),
  )
}

export function tile(c: LayerContext): void {
  const { axis = 1, tiles = 1 } = c.param<{ axis: number; tiles: number }>('tileParam')
  const along = fromFront(c, axis)
  c.plain('Tile', { tiles, axis: along })
  c.setShape(
    c.top[0],
    c.shape(c.bottom[0])?.map((dim, i) => (i === along ? dim * tiles : dim)),
  )
}

// All axes from `axis` on become one number.
export function reduction(c: LayerContext): void {
  const {
    operation = 1,
    axis = 0,
    coeff = 1,
  } = c.param<Record<'operation' | 'axis' | 'coeff', number>>('reductionParam')
  const input = c.shape(c.bottom[0])
  const reduced = axis < 0 ? -axis : known(c).length - axis
  const before: Record<number, { type: string }[]> = { 2: [{ type: 'Abs' }], 3: [{ type: 'Sqr' }] }
  c.chain([
    ...(before[operation] ?? []),
    { type: operation === 4 ? 'ReduceBackMean' : 'ReduceBackSum', args: { num_reduce_dim: reduced } },
    ...(coeff === 1 ? [] : [{ type: 'Scale', args: { scale: { float: coeff } } }]),
  ])
  c.setShape(c.top[0], input?.slice(0, input.length - reduced))
}

// Caffe's result is float, (N, 1, top_k) or, along an axis, of size one there.
export function argMax(c: LayerContext): void {
  const {
    outMaxVal = false,
    topK = 1,
    axis,
  } = c.param<{ outMaxVal: boolean; topK: number; axis: number }>('argmaxParam')
  if (outMaxVal || topK !== 1) c.fail('only the index of one maximum is supported (top_k 1, out_max_val false)')
  const input = c.shape(c.bottom[0])
  const cast = { type: 'Cast', args: { to: kFloatType } }
  if (axis === undefined) {
    const flat = [{ type: 'Flatten' }, { type: 'ArgMax', args: { axis: 1, keepdims: 1 } }, cast]
    c.chain([...flat, { type: 'ExpandDims', args: { dims: [2] } }])
    c.setShape(c.top[0], input && [input[0], 1, 1])
    return
  }
  const along = fromFront(c, axis)
  c.chain([{ type: 'ArgMax', args: { axis: along, keepdims: 1 } }, cast])
  c.setShape(
    c.top[0],
    input?.map((dim, i) => (i === along ? 1 : dim)),
  )
}
