// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('SigmoidCrossEntropyWithLogits', {
  grad: ['logits'],
  cases: [
    {
      name: 'rows',
      in: {
        logits: [
          [2, 3],
          [1.5, 0, -1, 2, -0.5, -1.5],
        ],
        targets: [
          [2, 3],
          [1, 0, 1, 0, 0.5, 1],
        ],
      },
      out: { Y: [[2], [0.735940715, 1.51747276]] },
    },
    {
      name: 'a vector is one row',
      in: { logits: [[3], [1.5, 0, -1]], targets: [[3], [1, 0, 1]] },
      out: { Y: [[], [0.735940715]] },
    },
    {
      name: 'log_D_trick',
      in: {
        logits: [
          [2, 3],
          [1.5, 0, -1, 2, -0.5, -1.5],
        ],
        targets: [
          [2, 3],
          [1, 0, 1, 0, 0.5, 1],
        ],
      },
      args: { log_D_trick: 1 },
      out: { Y: [[2], [0.273842595, 0.524828422]] },
    },
    {
      name: 'unjoined targets',
      in: {
        logits: [
          [2, 3],
          [1.5, 0, -1, 2, -0.5, -1.5],
        ],
        targets: [
          [2, 3],
          [1, 0, 1, 0, 0.5, 1],
        ],
      },
      args: { unjoined_lr_loss: 1 },
      out: { Y: [[2], [0.0643823935, 1.37132217]] },
    },
  ],
  refuses: [
    {
      name: 'two kinds of loss at once',
      in: {
        logits: [
          [2, 3],
          [1.5, 0, -1, 2, -0.5, -1.5],
        ],
        targets: [
          [2, 3],
          [1, 0, 1, 0, 0.5, 1],
        ],
      },
      args: { log_D_trick: 1, unjoined_lr_loss: 1 },
      out: ['Y'],
      code: 'argument',
      says: /exclude each other/,
    },
  ],
})

vectors('SigmoidCrossEntropyWithLogits', {
  cases: [
    {
      name: 'large logits do not overflow',
      in: {
        logits: [
          [2, 1],
          [1000, -1000],
        ],
        targets: [
          [2, 1],
          [0, 1],
        ],
      },
      out: { Y: [[2], [1000, 1000]] },
    },
  ],
})
