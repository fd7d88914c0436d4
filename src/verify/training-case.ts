// SPDX-License-Identifier: Apache-2.0
// Recorded trainings: loss and learning rate of every iteration, and statistics of parameters, gradients and the
// optimizer's state after some.
import type { Backend } from '../backend/backend.ts'
import { type DType, type Tensor, type TypedArray, tensor } from '../core/tensor.ts'
import { Workspace } from '../net/workspace.ts'
import { PfError } from '../util/error.ts'
import {
  loadWeights,
  type ReadFile,
  readBlob,
  readJson,
  readNet,
  type TrainingCase,
  type TrainingExpectation,
} from './case-files.ts'
import { kNoiseFactor, toleranceOf } from './model-case.ts'
import { isComparable, statisticsDiffer } from './statistics.ts'

/**
 * What was recorded as noise is that of kernels which all round alike (fused multiply-add). Where an engine rounds
 * otherwise, sooner or later another element wins a max pool, and from there on two trainings drift apart exponentially.
 * The tolerance follows: it is strict at first and grows by this much with every iteration.
 */
const kGrowth = 1.5

export async function runTrainingCase(backend: Backend, recorded: TrainingCase, read: ReadFile, signal?: AbortSignal) {
  const workspace = await Workspace.open(backend)
  try {
    // The init net makes the counter and the optimizer's state after the parameters are there.
    const wrong = await loadWeights(workspace, recorded, read)
    if (wrong !== undefined) return wrong
    const expected = await readJson<TrainingExpectation>(read, recorded.expected)
    const data = new Map<string, Tensor>()
    for (const blob of recorded.data) data.set(blob.name, await readBlob(read, blob))
    const train = await readNet(read, recorded.train_net)
    let net: string | undefined
    for (let iteration = 0; iteration < recorded.iterations; iteration++) {
      await feedIteration(workspace, recorded, data, iteration)
      net ??= await workspace.createNet({ ...train, name: train.name || 'train' })
      await workspace.runNet(net, 1, { signal })
      const why = await compareIteration(workspace, recorded, expected, iteration)
      if (why !== undefined) return `after iteration ${iteration + 1} of ${recorded.iterations}: ${why}`
    }
    return undefined
  } finally {
    await workspace.close()
  }
}

async function feedIteration(
  workspace: Workspace,
  { batch, per_iteration }: TrainingCase,
  data: ReadonlyMap<string, Tensor>,
  iteration: number,
): Promise<void> {
  for (const { name, from, how, divide = 1, dtype } of per_iteration) {
    const source = data.get(from)
    if (source === undefined || how !== 'rows') {
      throw new PfError('format', `the case feeds "${name}" with ${how} of "${from}", which we do not know`)
    }
    await workspace.feedBlob(name, rows(source, batch * iteration, batch, divide, dtype as DType))
  }
}

function rows({ shape, data }: Tensor, first: number, count: number, divide: number, dtype: DType): Tensor {
  const size = shape.slice(1).reduce((a, b) => a * b, 1)
  const part = (data as TypedArray).slice(first * size, (first + count) * size)
  return tensor(
    Array.from(part as Float32Array, (value) => Number(value) / divide),
    [count, ...shape.slice(1)],
    dtype,
  )
}

async function compareIteration(
  workspace: Workspace,
  recorded: TrainingCase,
  expected: TrainingExpectation,
  iteration: number,
): Promise<string | undefined> {
  const growth = kGrowth ** iteration
  const scalars: [string, string, number][] = [
    ['loss', 'loss', expected.loss[iteration]],
    ['lr', recorded.lr_blob, expected.learning_rate[iteration]],
  ]
  for (const [key, blob, want] of scalars) {
    const got = Number((await workspace.fetchBlob(blob)).data[0])
    const { absolute, relative } = toleranceOf(recorded.noise[key])
    const room = (absolute + relative * Math.abs(want)) * growth
    if (!(Math.abs(got - want) <= room)) return `${blob} is ${got}, expected ${want}`
  }
  const snapshot = expected.after_iteration[iteration + 1]
  const { first_values_max_abs: absolute, l2_relative: relative } = recorded.noise_after_iterations
  const room = kNoiseFactor * growth
  const tolerance = { ofSize: 0, absolute: absolute * room, relative: relative * room }
  for (const blob of [...(snapshot?.parameters ?? []), ...(snapshot?.others ?? [])].filter(isComparable)) {
    const why = statisticsDiffer(await workspace.fetchBlob(blob.name), blob, tolerance)
    if (why !== undefined) return why
  }
  return undefined
}
