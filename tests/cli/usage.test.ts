// SPDX-License-Identifier: Apache-2.0
// What a person sees who does not know the commands yet, or mistypes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cli } from './cli.ts'

const commands = ['classify', 'run', 'convert caffe', 'info', 'verify', 'bench']

test('without arguments, and with --help, it lists its commands', async () => {
  for (const args of [[], ['--help'], ['-h']]) {
    const { status, out } = await cli(...args)
    assert.is(status, 0)
    for (const command of commands) assert.match(out, command)
  }
})

test('each command explains its options and shows examples', async () => {
  for (const command of commands) {
    const { status, out } = await cli(...command.split(' '), '--help')
    assert.is(status, 0, command)
    for (const part of ['Usage', 'Options', 'Examples']) assert.match(out, part, command)
  }
})

test('--version prints the version alone', async () => {
  const { status, out } = await cli('--version')
  assert.is(status, 0)
  assert.match(out, /^\d+\.\d+\.\d+\n$/)
})

const mistakes: [args: string[], text: RegExp][] = [
  [['clasify', 'a.jpg'], /there is no command "clasify" \(did you mean "classify"\?\)/],
  [['convert'], /convert needs one word more: convert caffe/],
  [['info', '--jsom'], /info has no option --jsom \(did you mean "--json"\?\)/],
  [['info', 'extra'], /info takes no arguments, found "extra"/],
  [['--json', 'info'], /the command comes first/],
  [['classify'], /classify needs image\.\.\./],
  [['classify', 'a.jpg'], /--model DIR is missing/],
  [['classify', 'a.jpg', '--model'], /--model needs a value: DIR/],
  [['info', '--backend', 'gpu'], /--backend takes auto, cuda, native, wasm; found "gpu"/],
  [['info', '--threads', 'many'], /--threads takes numbers, found "many"/],
  [['info', '--threads', '0'], /--threads takes a whole number of 1 or more, found 0/],
]

for (const [args, text] of mistakes) {
  test(`mistake: ${args.join(' ')}`, async () => {
    const { status, out, error } = await cli(...args)
    assert.is(status, 2)
    assert.is(out, '')
    assert.match(error, text)
    assert.match(error.split('\n')[0], /^portafilter: \[usage\] /)
  })
}

test('a failure is one line with a code', async () => {
  const { status, out, error } = await cli('run', '--predict-net', 'no-such.pb')
  assert.is(status, 1)
  assert.is(out, '')
  assert.match(error, /^portafilter: \[file\] .*no-such\.pb.*\n$/)
  assert.is(error.trim().split('\n').length, 1)
})

test('--debug adds where it comes from', async () => {
  const { status, error } = await cli('run', '--debug', '--predict-net', 'no-such.pb')
  assert.is(status, 1)
  assert.match(error, /\n {4}at /)
})

test('nothing about progress goes to a pipe', async () => {
  const { status, error } = await cli('verify', 'tests/fixtures/golden/operators.jsonl.gz', '--op', 'Relu')
  assert.is(status, 0)
  assert.is(error, '')
})

test.run()
