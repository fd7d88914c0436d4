// SPDX-License-Identifier: Apache-2.0
import type { Backend } from '../../backend/backend.ts'
import { argument, type NetDef, netDef } from '../../net/net-def.ts'
import { readNetDef } from '../../net/read-net.ts'
import { Workspace } from '../../net/workspace.ts'
import { platform } from '../../platform/index.ts'
import { type Command, type Context, type Given, UsageError } from '../arguments.ts'
import { backendOptions, withBackend } from '../context.ts'
import { pictureOptions } from '../picture-options.ts'
import { readTensorFile, writeTensorFile } from '../tensor-files.ts'

export const run: Command = {
  name: 'run',
  describe: 'Runs a net once on files',
  options: [
    { flag: '--predict-net', value: 'FILE', describe: 'The net, .pb or .pbtxt', required: true },
    { flag: '--init-net', value: 'FILE', describe: 'The net that fills the weights; run first' },
    {
      flag: '--input',
      value: 'BLOB=FILE',
      describe: 'A blob from .npy, .pb (TensorProto), .jpg or .png; may be repeated',
    },
    { flag: '--output', value: 'BLOB=FILE', describe: 'A blob to .npy, .pb or .png; may be repeated' },
    { flag: '--seed', value: 'N', describe: 'Seed of random operators; others each time unless told' },
    ...pictureOptions,
    ...backendOptions,
  ],
  examples: [
    'run --predict-net predict_net.pb --init-net init_net.pb --input data=x.npy --output softmax=y.npy',
    'run --predict-net predict_net.pb --init-net init_net.pb --input data_int8_bgra=photo.jpg --size 480,640 --output styled_int8_bgra=styled.png',
  ],
  async run(given, context) {
    const predict = await readNet(given.text('predict-net'))
    const initFile = given.optional('init-net')
    const init = initFile === undefined ? netDef() : await readNet(initFile)
    await withBackend(given, context, (backend) => runOnce(backend, init, predict, given, context))
  },
}

async function readNet(path: string): Promise<NetDef> {
  return readNetDef(await platform.read(path), { file: path })
}

async function runOnce(backend: Backend, init: NetDef, predict: NetDef, given: Given, { signal, print }: Context) {
  const seed = given.count('seed')
  const workspace = await Workspace.open(backend, { seed })
  try {
    if (init.op.length > 0) await workspace.runNetOnce(init, { signal })
    for (const [blob, path] of given.pairs('input')) {
      await workspace.feedBlob(blob, await readTensorFile(path, blob, predict, given))
    }
    await checkInputs(workspace, predict)
    const outputs = given.pairs('output')
    const net = await workspace.createNet(
      planned(
        predict,
        outputs.map(([blob]) => blob),
      ),
    )
    const start = platform.now()
    await workspace.runNet(net, 1, { signal })
    const ms = platform.now() - start
    for (const [blob, path] of outputs) await writeTensorFile(path, await workspace.fetchBlob(blob), given)
    const written = outputs.map(([blob, path]) => `${blob} to ${path}`)
    print(
      `ran ${predict.op.length} operators in ${ms.toFixed(1)} ms${written.length ? `; wrote ${written.join(', ')}` : ''}`,
    )
  } finally {
    await workspace.close()
  }
}

async function checkInputs(workspace: Workspace, predict: NetDef): Promise<void> {
  const present = new Set(await workspace.blobs())
  const read = new Set(predict.op.flatMap(({ input }) => input))
  const missing = predict.externalInput.filter((blob) => read.has(blob) && !present.has(blob))
  if (missing.length > 0) {
    throw new UsageError(
      `the net reads ${missing.join(', ')}: give --input ${missing[0]}=FILE, or the --init-net that fills it`,
    )
  }
}

function planned(net: NetDef, keep: readonly string[]): NetDef {
  const options = [argument('pf.optimize', 1), argument('pf.create_inputs', 1), argument('pf.keep', [...keep])]
  return { ...net, name: net.name || 'predict', arg: [...net.arg, ...options] }
}
