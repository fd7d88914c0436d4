// SPDX-License-Identifier: Apache-2.0
// LeNet of Caffe2's MNIST tutorial, for tests that need a real model.
import { brew } from '../../src/net/brew.ts'
import type { ModelHelper } from '../../src/net/model-helper.ts'

/** From `data` [n, 1, 28, 28] to the blob `softmax`. */
export function lenet(model: ModelHelper): string {
  brew.conv(model, 'data', 'conv1', { dimIn: 1, dimOut: 20, kernel: 5 })
  brew.maxPool(model, 'conv1', 'pool1', { kernel: 2, stride: 2 })
  brew.conv(model, 'pool1', 'conv2', { dimIn: 20, dimOut: 50, kernel: 5 })
  brew.maxPool(model, 'conv2', 'pool2', { kernel: 2, stride: 2 })
  brew.fc(model, 'pool2', 'fc3', { dimIn: 50 * 4 * 4, dimOut: 500 })
  brew.relu(model, 'fc3', 'fc3')
  brew.fc(model, 'fc3', 'pred', { dimIn: 500, dimOut: 10 })
  return brew.softmax(model, 'pred', 'softmax')
}

/** Adds the loss `loss` and `accuracy`, against `label`. */
export function losses(model: ModelHelper, softmax: string): void {
  model.net.add('LabelCrossEntropy', [softmax, 'label'], 'xent')
  model.net.add('AveragedLoss', 'xent', 'loss')
  brew.accuracy(model, [softmax, 'label'], 'accuracy')
}
