// SPDX-License-Identifier: Apache-2.0
// L2 regularisation: adds decay * weight to the gradients of weights; biases are left alone.
import type { ModelHelper } from '../net/model-helper.ts'
import { denseOnly, fillOne, fillScalar } from './optimizer.ts'

/** To be called before the optimizer is built, which then sees the changed gradients. */
export function addWeightDecay(model: ModelHelper, decay: number): void {
  for (const parameter of model.parameterGradients()) {
    if (parameter.kind !== 'weight') continue
    const gradient = denseOnly('Weight decay', parameter)
    const one = fillOne(model.paramInitNet)
    const wd = fillScalar(model.paramInitNet, 'wd', decay)
    model.net.addUntyped('WeightedSum', [gradient, one, parameter.blob, wd], [gradient])
  }
}
