// SPDX-License-Identifier: Apache-2.0
// The style-transfer nets of Caffe2's zoo: pictures in, pictures out.
import { test } from 'uvu'
import { modelCases } from './case.ts'

modelCases(test, ['style_animals', 'style_crayon', 'style_mosaic'])

test.run()
