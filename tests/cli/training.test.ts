// SPDX-License-Identifier: Apache-2.0
// Commands for training: how it scales, and databases of pictures.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodePng } from '../../src/data/image.ts'
import { settings, skip } from '../kit/settings.ts'
import { cli, temporaryFolder } from './cli.ts'

const folder = temporaryFolder(test)

if (settings.backend === 'wasm') skip('training commands need the native core', 3)
else {
  test('bench resnet50 measures replicas on the CPU, and draws how they scale', async () => {
    const [json, svg] = [folder('bench.json'), folder('bench.svg')]
    const small = ['--cpu', '--gpus', '1,2', '--image-size', '32', '--batch-size', '2', '--steps', '1']
    const { status, out, error } = await cli('bench', 'resnet50', ...small, '--out', json, '--chart', svg)
    assert.is(status, 0, error)
    assert.match(out, /replicas +images\/s +scaling +ms\/step +input +copies +compute +all-reduce +idle\n1 .*100\.0 %/)
    const { rows, machine } = JSON.parse(readFileSync(json, 'utf8'))
    assert.equal(
      rows.map((row: { gpus: number }) => row.gpus),
      [1, 2],
    )
    for (const { times } of rows) {
      const parts = times.input + times.copies + times.compute + times.allReduce + times.idle
      assert.ok(Math.abs(parts - times.step) < 0.01 * times.step, JSON.stringify(times))
    }
    assert.match(machine, /^CPU, \d+ threads/)
    assert.match(readFileSync(svg, 'utf8'), /<svg.*replicas on the CPU \(logarithmic\)/s)
  })

  test('bench resnet50 says what is wrong', async () => {
    const none = await cli('bench', 'resnet50', '--gpus', '64')
    assert.is(none.status, 1)
    assert.match(none.error, /\[\w+\] bench resnet50 needs GPUs|there is no GPU 63/)
    const usage = await cli('bench', 'resnet50', '--gpus', 'two')
    assert.is(usage.status, 2)
    assert.match(usage.error, /--gpus takes numbers/)
    const data = await cli('bench', 'resnet50', '--cpu', '--data', folder('nowhere'))
    assert.is(data.status, 1)
    assert.match(data.error, /\[file\] there is no database .*nowhere; `portafilter make-image-db` makes one/)
  })

  test('make-image-db takes pictures by folder, says what it leaves out, and what is no such folder', async () => {
    for (const [i, name] of ['b', 'a'].entries()) {
      mkdirSync(folder(`all/${name}`), { recursive: true })
      const data = new Uint8Array(12).fill(i)
      writeFileSync(folder(`all/${name}/x.png`), await encodePng({ width: 2, height: 2, channels: 3, data }))
    }
    writeFileSync(folder('all/a/readme.txt'), 'no picture')
    const made = await cli('make-image-db', '--folder', folder('all'), '--out', folder('db'), '--db', 'minidb')
    assert.is(made.status, 0, made.error)
    assert.match(made.out, /2 pictures of 2 classes in .*db, names of the classes in .*db\.labels\.txt/)
    assert.match(made.error, /left out .*readme\.txt: neither JPEG nor PNG/)
    assert.is(readFileSync(folder('db.labels.txt'), 'utf8'), 'a\nb\n')
    const none = await cli('make-image-db', '--folder', folder('all/a'), '--out', folder('x'))
    assert.match(none.error, /\[file\] .* has no folders in it; expected one for each class/)
  })
}

test.run()
