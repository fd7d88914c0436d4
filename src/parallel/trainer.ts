// SPDX-License-Identifier: Apache-2.0
// Replicas of a model that train together.
import type { ModelHelper } from '../net/model-helper.ts'
import { PfError } from '../util/error.ts'
import type { DataParallel, DataParallelOptions } from './data-parallel.ts'

export async function openTrainer(model: ModelHelper, _options: DataParallelOptions): Promise<DataParallel> {
  throw new PfError('unsupported', `cannot train "${model.name}" in replicas yet`)
}
