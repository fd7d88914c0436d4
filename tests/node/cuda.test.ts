// SPDX-License-Identifier: Apache-2.0
// What is particular to a GPU. Without one these count as skipped; what every backend must do is tested on `node-cuda`.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Backend, type BackendOptions, openBackend } from '../../src/backend/backend.ts'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { brew } from '../../src/net/brew.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { argument, type NetDef, netDef, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { PfError } from '../../src/util/error.ts'
import { settings, skip } from '../kit/settings.ts'
import { throwsPf } from '../kit/throws.ts'

async function gpu(options: BackendOptions = {}): Promise<Backend | undefined> {
  try {
    return await openBackend({ backend: 'cuda', ...options })
  } catch (error) {
    if (error instanceof PfError && error.code === 'backend') return undefined
    throw error
  }
}

const there = settings.backend === 'native' && (await gpu())
await (there || undefined)?.close()

function onGpu(name: string, work: (open: (options?: BackendOptions) => Promise<Workspace>) => Promise<void>): void {
  if (!there) {
    skip('no GPU')
    return
  }
  test(name, async () => {
    const opened: (Workspace | Backend)[] = []
    const open = async (options: BackendOptions = {}) => {
      const backend = (await gpu(options)) as Backend
      const workspace = await Workspace.open(backend, { seed: 1 })
      opened.unshift(workspace, backend)
      return workspace
    }
    try {
      await work(open)
    } finally {
      for (const one of opened) await one.close()
    }
  })
}

const wave = (shape: number[], step = 0.37): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * step)),
    shape,
  )
}

const kSteps = 6
const inputs = { data: wave([8, 3, 14, 14]), label: tensor([1, 0, 3, 2, 1, 1, 0, 3], [8], 'int32') }

// Two residual branches with everything that the planner may fuse, then a classifier.
async function trainer(): Promise<{ model: ModelHelper; net: NetDef }> {
  const model = new ModelHelper({ name: 'small' })
  const unit = (x: string, name: string, dimIn: number, dimOut: number, stride = 1) => {
    const y = brew.conv(model, x, `${name}_c`, { dimIn, dimOut, kernel: 3, pad: 1, stride, noBias: true })
    return brew.spatialBn(model, y, name, { dimIn: dimOut })
  }
  const a = brew.relu(model, unit('data', 'a', 3, 16, 2), 'a')
  const b = brew.relu(model, unit(a, 'b', 16, 16), 'b')
  const sum = brew.sum(model, [unit(b, 'c', 16, 16), a], 'sum')
  brew.relu(model, sum, 'sum')
  brew.maxPool(model, 'sum', 'pool', { kernel: 3, stride: 2, pad: 1 })
  brew.averagePool(model, 'pool', 'mean', { global_pooling: true })
  brew.fc(model, 'mean', 'logits', { dimIn: 16, dimOut: 4 })
  model.net.add('SoftmaxWithLoss', ['logits', 'label'], ['softmax', 'loss'])
  await model.addGradientOperators(['loss'])
  buildSgd(model, { baseLearningRate: 0.01, momentum: 0.9, policy: 'step', stepsize: 1, gamma: 0.99 })
  return { model, net: model.net.proto() }
}

/** The losses of a few steps; all start from the same parameters. */
async function losses(workspace: Workspace, start: Record<string, Tensor>, planned: boolean): Promise<number[]> {
  const { model, net } = await trainer()
  const outputs = ['loss', ...net.op.flatMap((op) => (op.type === 'MomentumSGDUpdate' ? op.output : []))]
  const options = planned ? [argument('pf.optimize', 1), argument('pf.keep', outputs)] : []
  await workspace.runNetOnce(model.paramInitNet)
  await workspace.feedBlobs({ ...inputs, ...start })
  const name = await workspace.createNet({ ...net, name: 'small', arg: [...net.arg, ...options] }, { overwrite: true })
  const found: number[] = []
  for (let i = 0; i < kSteps; i++) {
    await workspace.runNet(name)
    found.push(Number((await workspace.fetchBlob('loss')).data[0]))
  }
  return found
}

async function reference(): Promise<{ start: Record<string, Tensor>; losses: number[] }> {
  const backend = await openBackend({ backend: 'native' })
  const workspace = await Workspace.open(backend, { seed: 1 })
  const { model } = await trainer()
  await workspace.runNetOnce(model.paramInitNet)
  const start: Record<string, Tensor> = {}
  for (const name of model.params) start[name] = await workspace.fetchBlob(name)
  const result = { start, losses: await losses(workspace, start, false) }
  await workspace.close()
  await backend.close()
  return result
}

const close = (got: readonly number[], want: readonly number[], tolerance: number): void =>
  got.forEach((value, i) => {
    const error = Math.abs(value - want[i]) / Math.abs(want[i])
    assert.ok(error < tolerance, `step ${i}: ${value}, expected ${want[i]} within ${tolerance}`)
  })

onGpu('training follows the CPU, planned or not, recorded from the third step on', async (open) => {
  const { start, losses: want } = await reference()
  for (const planned of [false, true]) {
    const workspace = await open()
    close(await losses(workspace, start, planned), want, 2e-3)
    const { recorded, ops } = await workspace.netInfo('small')
    assert.ok(recorded > ops.length / 2, `${recorded} of ${ops.length} operators are recorded`)
    const onHost = ops.filter(({ device }) => device === 'cpu').map(({ type }) => type)
    assert.equal(onHost.sort(), ['AtomicIter', 'LearningRate'])
  }
})

onGpu('tf32 and fp16 follow it too, less closely', async (open) => {
  const { start, losses: want } = await reference()
  for (const precision of ['tf32', 'fp16'] as const) {
    close(await losses(await open({ precision }), start, true), want, 0.03)
  }
})

onGpu("float32 convolutions are the CPU's, in whichever order of dimensions they are computed", async (open) => {
  const host = await openBackend({ backend: 'native' })
  const there = await open()
  const here = await Workspace.open(host)
  const shapes = [
    { x: [1, 512, 7, 7], w: [512, 512, 3, 3], stride: 1, pad: 1, y: [1, 512, 7, 7] },
    { x: [1, 256, 14, 14], w: [128, 256, 3, 3], stride: 2, pad: 1, y: [1, 128, 7, 7] },
    { x: [2, 64, 14, 14], w: [128, 64, 1, 1], stride: 2, pad: 0, y: [2, 128, 7, 7] },
  ]
  for (const { x, w, y, stride, pad } of shapes) {
    const args = { kernel: w[2] as number, stride, pad }
    const relu = operatorDef('Relu', ['y'], ['y'])
    const conv = operatorDef('Conv', ['x', 'w', 'b'], ['y'], args)
    const arg = [argument('pf.optimize', 1), argument('pf.keep', ['y'])]
    const net = { ...netDef({ name: `c${x[1]}`, op: [conv, relu] }), arg }
    const gradient = operatorDef('ConvGradient', ['x', 'w', 'dy'], ['dw', 'db', 'dx'], args)
    const results: Tensor[][] = []
    for (const workspace of [here, there]) {
      await workspace.feedBlobs({ x: wave(x), w: wave(w, 0.71), b: wave([y[1] as number]), dy: wave(y, 0.53) })
      const name = await workspace.createNet(net)
      await workspace.runNet(name, 4) // some of them recorded
      await workspace.runOperatorOnce(gradient)
      results.push(await Promise.all(['y', 'dw', 'db', 'dx'].map((blob) => workspace.fetchBlob(blob))))
    }
    const [want, got] = results as [Tensor[], Tensor[]]
    for (const [i, one] of want.entries()) {
      const data = one.data as Float32Array
      const largest = data.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
      const off = data.reduce((most, v, k) => Math.max(most, Math.abs(v - Number(got[i]?.data[k]))), 0)
      assert.ok(off < 1e-4 * largest, `${x} * ${w}, result ${i}: ${off} of ${largest}`)
    }
  }
  await here.close()
  await host.close()
})

onGpu('another batch size, and other weights, are seen after recording', async (open) => {
  const workspace = await open()
  const model = new ModelHelper({ name: 'm' })
  brew.conv(model, 'x', 'y', { dimIn: 2, dimOut: 2, kernel: 1, weightInit: ['ConstantFill', { value: 1 }] })
  await workspace.runNetOnce(model.paramInitNet)
  await workspace.feedBlobs({ x: wave([1, 2, 4, 4]) })
  await workspace.createNet(model.net)
  const expectSums = async (batch: number, weight: number) => {
    const x = wave([batch, 2, 4, 4], 0.1 * batch * weight)
    await workspace.feedBlobs({ x, y_w: tensor(new Float32Array(4).fill(weight), [2, 2, 1, 1]) })
    await workspace.runNet('m')
    const { data, shape } = await workspace.fetchBlob('y')
    assert.equal(shape, [batch, 2, 4, 4])
    const from = x.data as Float32Array
    for (let i = 0; i < data.length; i++) {
      const at = Math.floor(i / 32) * 32 + (i % 16)
      assert.ok(Math.abs(Number(data[i]) - weight * (from[at] + from[at + 16])) < 1e-5)
    }
  }
  for (let i = 0; i < 5; i++) await expectSums(1, 1)
  for (let i = 0; i < 5; i++) await expectSums(3, 1)
  for (let i = 1; i < 5; i++) await expectSums(3, i)
})

onGpu('a label that is no class is told when the host waits', async (open) => {
  const workspace = await open()
  await workspace.feedBlobs({ x: wave([2, 3]), label: tensor([0, 3], [2], 'int32') })
  await workspace.runOperatorOnce(operatorDef('SoftmaxWithLoss', ['x', 'label'], ['p', 'loss']))
  await throwsPf(() => workspace.fetchBlob('loss'), 'value', /label of row 1 is 3/)
  await workspace.feedBlobs({ label: tensor([0, 2], [2], 'int32') })
  await workspace.runOperatorOnce(operatorDef('SoftmaxWithLoss', ['x', 'label'], ['p', 'loss']))
  assert.ok(Number((await workspace.fetchBlob('loss')).data[0]) > 0)
})

onGpu('out of memory says how much and where, and the workspace goes on', async (open) => {
  const workspace = await open()
  const fill = (shape: number[]) => operatorDef('ConstantFill', [], ['big'], { shape, value: 1, dtype: 1 })
  await throwsPf(() => workspace.runOperatorOnce(fill([1 << 20, 1 << 20])), 'no_memory', /ConstantFill.*bytes.*free/)
  await workspace.runOperatorOnce(fill([2, 2]))
  assert.equal([...((await workspace.fetchBlob('big')).data as Float32Array)], [1, 1, 1, 1])
})

onGpu('operators without a kernel there run on the host, strings too', async (open) => {
  const workspace = await open()
  await workspace.feedBlobs({ x: tensor([3, 1, 2]) })
  await workspace.runOperatorOnce(operatorDef('Relu', ['x'], ['y']))
  await workspace.runOperatorOnce(operatorDef('TopK', ['y'], ['v', 'i'], { k: 2 }))
  await workspace.runOperatorOnce(operatorDef('Negative', ['v'], ['n']))
  assert.equal([...((await workspace.fetchBlob('n')).data as Float32Array)], [-3, -2])
})

test.run()
