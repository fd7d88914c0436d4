// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const one = (x: number) => [[1], [x]] as const
const state = (...x: number[]) => [[x.length], x] as const

vectors('YellowFin', {
  cases: [
    {
      name: 'the first step keeps rate and momentum',
      in: {
        param: one(1),
        moment: one(0),
        lr: one(0.5),
        mu: one(0),
        curv_win: state(0, 0),
        g_avg: one(0),
        g2_avg: one(0),
        scalars: state(0, 0, 0, 0, 0),
        grad: one(1),
        iter: [[1], [1], 'int64'],
      },
      args: { beta: 0.5, curv_win_width: 2 },
      out: {
        param: one(0.5),
        moment: one(0.5),
        lr: one(0.5),
        mu: one(0),
        curv_win: state(0, 0),
        g_avg: one(0.5),
        g2_avg: one(0.5),
        scalars: state(0.5, 0.5, 0, 0, 0.5),
      },
    },
  ],
})
