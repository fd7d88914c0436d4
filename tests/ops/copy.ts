// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 2],
  [1, -2, 3, 0.5],
] as const
const strings = [[2], ['a', 'Kaffee']] as const
const integers = [[2], [7, -9], 'int64'] as const
const every = [
  { name: 'floats', in: { X }, out: { Y: X } },
  { name: 'int64', in: { X: integers }, out: { Y: integers } },
  { name: 'strings', in: { X: strings }, out: { Y: strings } },
  { name: 'no elements', in: { X: [[0, 3], []] }, out: { Y: [[0, 3], []] } },
] as const

vectors('Copy', { cases: every })
vectors('Copy', { grad: ['X'], cases: [every[0]] })
vectors('Alias', { cases: every })
vectors('StopGradient', { inplace: true, cases: every })
vectors('EnsureDense', { inplace: true, cases: every })
vectors('EnsureDense', { grad: ['X'], cases: [every[0]] })
vectors('NegateGradient', { inplace: true, cases: every })
vectors('EnsureCPUOutput', { cases: every })
vectors('CopyFromCPUInput', { cases: every })
vectors('CopyOnDeviceLike', { cases: [{ name: 'floats', in: { X, Like: integers }, out: { Y: X } }] })
