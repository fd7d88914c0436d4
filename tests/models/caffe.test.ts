// SPDX-License-Identifier: Apache-2.0
// Caffe models through our converter: weights bit by bit, then what Caffe2's translation of the net computes.
import { test } from 'uvu'
import { modelCases } from './case.ts'

modelCases(test, [
  'caffe_cifar10_quick',
  'caffe_lenet',
  'caffe_mtcnn_det1',
  'caffe_mtcnn_det2',
  'caffe_mtcnn_det3',
  'caffe_squeezenet_1_0',
  'caffe_ultraface_rfb_320',
])

test.run()
