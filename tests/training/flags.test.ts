// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseFlags } from '../../src/training/flags.ts'
import { throwsPf } from '../kit/throws.ts'

const known = {
  batch_size: { number: 32, about: 'pictures' },
  gpus: { text: '', about: 'numbers' },
  use_cpu: { switch: true, about: 'no GPU' },
  redis_host: { refused: 'mpirun does it' },
} as const
const parse = (...args: string[]) => parseFlags(known, args, 'trainer')

test('values in both forms, switches, defaults', () => {
  const none = { batch_size: 32, gpus: '', use_cpu: false, redis_host: undefined }
  assert.equal(parse(), none)
  assert.equal(parse('--batch_size', '8', '--gpus=0,1', '--use_cpu'), {
    ...none,
    batch_size: 8,
    gpus: '0,1',
    use_cpu: true,
  })
  assert.equal(parse('--use_cpu=0', '--gpus', ''), none)
})

test('what is wrong is told', async () => {
  await throwsPf(() => parse('--batch_sizes', '8'), 'argument', /no flag --batch_sizes.*did you mean "batch_size"/)
  await throwsPf(() => parse('8'), 'argument', /no flag 8; --help lists/)
  await throwsPf(() => parse('--toString'), 'argument', /no flag --toString/)
  await throwsPf(() => parse('--batch_size'), 'argument', /--batch_size needs a value: pictures/)
  await throwsPf(() => parse('--batch_size', 'many'), 'argument', /takes a number of 0 or more, found "many"/)
  await throwsPf(() => parse('--use_cpu=maybe'), 'argument', /on or off, found "maybe"/)
  await throwsPf(() => parse('--redis_host', 'x'), 'argument', /--redis_host is not there: mpirun does it/)
})

test.run()
