// SPDX-License-Identifier: Apache-2.0
// Nets of Caffe2's zoo with generated weights.
import { test } from 'uvu'
import { modelCases } from './case.ts'

modelCases(test, [
  'zoo_aicamera_shufflenet',
  'zoo_aicamera_squeezenet_jit',
  'zoo_bvlc_googlenet',
  'zoo_resnet50',
  'zoo_squeezenet_1_1',
])

test.run()
