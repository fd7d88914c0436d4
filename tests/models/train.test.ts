// SPDX-License-Identifier: Apache-2.0
// Twenty steps of training LeNet: losses, parameters, gradients.
import { test } from 'uvu'
import { modelCases } from './case.ts'

modelCases(test, ['train_lenet_sgd'])

test.run()
