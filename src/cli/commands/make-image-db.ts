// SPDX-License-Identifier: Apache-2.0
import { platform } from '../../platform/index.ts'
import { type Command, oneOf } from '../arguments.ts'

export const makeImageDb: Command = {
  name: 'make-image-db',
  describe: 'Makes a database for training of a folder with a folder of pictures for each class',
  options: [
    { flag: '--folder', value: 'DIR', describe: 'Folder of folders with JPEGs and PNGs', required: true },
    { flag: '--out', value: 'DIR', describe: 'The database, and labels.txt beside its file', required: true },
    { flag: '--db', value: 'TYPE', describe: 'lmdb or minidb', otherwise: 'lmdb' },
    { flag: '--shuffle', value: 'SEED', describe: 'Order of the pictures; 0 keeps that of their names', otherwise: 1 },
  ],
  examples: ['make-image-db --folder imagenet/train --out train.lmdb'],
  async run(given, { print, progress, note, signal }) {
    const { makeImageDatabase } = await import('../../data/database.ts')
    const output = given.text('out').replace(/\/$/, '')
    const type = oneOf('db', given.optional('db') ?? 'lmdb', ['lmdb', 'minidb'] as const)
    const seed = given.number('shuffle') ?? 1
    const { images, labels, skipped } = await makeImageDatabase({
      folder: given.text('folder'),
      output,
      type,
      shuffle: seed === 0 ? false : seed,
      signal,
      onProgress: (done, of) => progress(`${done} of ${of} pictures`),
    })
    const labelFile = type === 'lmdb' ? `${output}/labels.txt` : `${output}.labels.txt`
    await platform.write(labelFile, `${labels.join('\n')}\n`)
    for (const path of skipped) note(`left out ${path}: neither JPEG nor PNG`)
    print(`${images} pictures of ${labels.length} classes in ${output}, names of the classes in ${labelFile}`)
  },
}
