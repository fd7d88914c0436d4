// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('PackedInt8BGRANHWCToNCHWCStylizerPreprocess', {
  cases: [
    {
      name: 'planes without noise',
      in: { X: [[1, 1, 2, 4], [10, 20, 30, 40, 0, 128, 255, 7], 'uint8'], mean: [[3], [1, 2, 3]] },
      args: { noise_std: 0 },
      out: {
        Y: [
          [1, 3, 1, 2],
          [9, -1, 18, 126, 27, 252],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'three channels',
      in: { X: [[1, 1, 2, 3], [10, 20, 30, 0, 128, 255], 'uint8'], mean: [[3], [1, 2, 3]] },
      out: ['Y'],
      code: 'shape',
      says: /4 channels/,
    },
  ],
})

vectors('BRGNCHWCToPackedInt8BGRAStylizerDeprocess', {
  cases: [
    {
      name: 'cut to whole numbers from 0 to 255',
      in: {
        X: [
          [1, 3, 1, 2],
          [9, -50, 18.75, 300, 27, 251.5],
        ],
        mean: [[3], [1, 2, 3]],
      },
      out: { Y: [[1, 1, 2, 4], [10, 20, 30, 255, 0, 255, 254, 255], 'uint8'] },
    },
  ],
})
