// SPDX-License-Identifier: Apache-2.0
import { encodeNetDef } from '../../net/net-def.ts'
import { writeText } from '../../net/read-net.ts'
import { platform } from '../../platform/index.ts'
import { type Command, type Given, oneOf, UsageError } from '../arguments.ts'

export const convert: Command = {
  name: 'convert caffe',
  describe: 'Turns a Caffe model into init_net.pb and predict_net.pb',
  options: [
    { flag: '--prototxt', value: 'FILE', describe: 'The deploy net', required: true },
    { flag: '--caffemodel', value: 'FILE', describe: 'The weights', required: true },
    { flag: '--out', value: 'DIR', describe: 'Folder for the two nets', required: true },
    { flag: '--phase', value: 'NAME', describe: 'TEST or TRAIN: which layers are meant', otherwise: 'TEST' },
    { flag: '--drop', value: 'LAYERS', describe: 'Layers to leave out, separated by commas' },
    { flag: '--shape', value: 'NAME=N,C,H,W', describe: 'Shape of an input that the prototxt does not tell' },
    { flag: '--text', describe: 'Writes predict_net.pbtxt too' },
  ],
  examples: ['convert caffe --prototxt deploy.prototxt --caffemodel net.caffemodel --out net'],
  async run(given, { print, note }) {
    const { convertCaffe } = await import('../../convert/caffe.ts')
    const [prototxt, caffemodel] = await Promise.all([
      platform.readText(given.text('prototxt')),
      platform.read(given.text('caffemodel')),
    ])
    const phase = oneOf('phase', given.optional('phase') ?? 'TEST', ['TEST', 'TRAIN'])
    const drop = given.optional('drop')?.split(',')
    const model = await convertCaffe({ prototxt, caffemodel, phase, drop, inputShapes: shapes(given) })
    const out = given.text('out').replace(/\/?$/, '/')
    await platform.write(`${out}init_net.pb`, encodeNetDef(model.initNet))
    await platform.write(`${out}predict_net.pb`, encodeNetDef(model.predictNet))
    if (given.flag('text')) await platform.write(`${out}predict_net.pbtxt`, await writeText('NetDef', model.predictNet))
    for (const warning of model.warnings) note(`warning: ${warning}`)
    const inputs = model.inputs.map(({ name, shape }) => (shape ? `${name} [${shape.join(', ')}]` : name))
    print(
      `${model.predictNet.op.length} operators, inputs ${inputs.join(', ')}, outputs ${model.predictNet.externalOutput.join(', ')}`,
    )
    print(`wrote ${out}init_net.pb and ${out}predict_net.pb`)
  },
}

function shapes(given: Given): Record<string, number[]> {
  return Object.fromEntries(
    given.pairs('shape').map(([name, text]) => {
      const dims = text.split(',').map(Number)
      if (dims.every((dim) => Number.isInteger(dim) && dim > 0)) return [name, dims]
      throw new UsageError(`--shape takes name=N,C,H,W, found "${name}=${text}"`)
    }),
  )
}
