// SPDX-License-Identifier: Apache-2.0
// The gradient operators that Caffe2 makes of reductions by segments; those of picked rows are by rows.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addGradientOperators } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { operatorDef } from '../../src/net/net-def.ts'
import { testBackend } from '../kit/backend.ts'

const backend = testBackend(test)

/** [type, inputs, gradient operator, its inputs, its outputs, whether the weights have a gradient] */
type Made = readonly [string, string, string, string, string, boolean?]

const made: readonly Made[] = [
  ['LengthsSum', 'd l', 'LengthsIndicesInGradientSumGradient', 'y_grad l d', 'd_grad'],
  ['LengthsMean', 'd l', 'LengthsMeanGradient', 'y_grad l', 'd_grad'],
  ['LengthsMax', 'd l', 'LengthsMaxWithMainInputAndForwardOutputGradient', 'y y_grad l d', 'd_grad'],
  ['LengthsWeightedSum', 'd w l', 'LengthsWeightedSumGradient', 'w y_grad l', 'd_grad'],
  ['LengthsWeightedSum', 'd w l', 'LengthsWeightedSumWithMainInputGradient', 'w y_grad l d', 'd_grad w_grad', true],
  ['SortedSegmentMean', 'd s', 'SortedSegmentMeanGradient', 'y_grad s', 'd_grad'],
  ['UnsortedSegmentWeightedSum', 'd w s', 'UnsortedSegmentWeightedSumGradient', 'w y_grad s', 'd_grad'],
  ['SortedSegmentRangeLogMeanExp', 'd s', 'SortedSegmentRangeLogMeanExpGradient', 'd y y_grad s', 'd_grad'],
  ['SparseSortedSegmentSum', 'd i s', 'SortedSegmentSumGradient', 'y_grad s', 'd_grad_values'],
  ['SparseUnsortedSegmentMean', 'd i s', 'UnsortedSegmentMeanGradient', 'y_grad s', 'd_grad_values'],
  ['SparseLengthsSum', 'd i l', 'SparseLengthsIndicesInGradientSumGradient', 'y_grad l i', 'd_grad_values'],
  ['SparseLengthsMean', 'd i l', 'SparseLengthsMeanGradient', 'y_grad l', 'd_grad_values'],
  [
    'SparseLengthsWeightedSum',
    'd w i l',
    'SparseLengthsIndicesInGradientWeightedSumGradient',
    'w y_grad l i',
    'd_grad_values',
  ],
  [
    'SparseLengthsWeightedSum',
    'd w i l',
    'SparseLengthsIndicesInGradientWeightedSumWithMainInputGradient',
    'w y_grad l d i',
    'd_grad_values w_grad',
    true,
  ],
]

for (const [type, inputs, gradient, reads, writes, onWeights] of made) {
  test(`${type} has ${gradient}`, async () => {
    const net = new Net('segments')
    const args = onWeights ? { grad_on_weights: 1 } : {}
    net.addOperators([operatorDef(type, inputs.split(' '), ['y'], args)])
    const gradients = await addGradientOperators(net, { y: 'y_grad' }, { backend: await backend() })
    const op = net.proto().op[1]
    assert.is(op.type, gradient)
    assert.equal(op.input, reads.split(' '))
    assert.equal(op.output, writes.split(' '))
    const found = gradients.get('d')
    if (type.startsWith('Sparse')) assert.equal({ ...(found as object) }, { indices: 'i', values: 'd_grad_values' })
    else assert.is(found, 'd_grad')
  })
}

test.run()
