// SPDX-License-Identifier: Apache-2.0
// What is where on a picture? A detector answers, and its boxes are drawn into a PNG.
//
//   node 05-detect.mjs picture.jpg predict_net.pb init_net.pb boxes.png [least score]
//
// For nets that take `data` and `im_info` and give score_nms, bbox_nms and class_nms, as Mask R-CNN2Go and Detectron's do,
// trained on the 80 kinds of COCO. SIZE in the environment is the shorter side of what the net sees.
import { decodeImage, encodePng, type Image, platform, resize, type Tensor, tensor, Workspace } from 'portafilter'

const usage = `node 05-detect.mjs PICTURE PREDICT_NET INIT_NET PNG [SCORE]
  PICTURE      a JPEG or PNG
  PREDICT_NET  a detection net: data, im_info -> score_nms, bbox_nms, class_nms
  INIT_NET     its weights
  PNG          where the picture goes with the boxes drawn on it
  SCORE        boxes below this are left out, 0.5 unless told
`

const kinds =
  `person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,bench,
bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,
kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,
sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,
keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush`
    .replaceAll('\n', '')
    .split(',')

const [picture, predictNet, initNet, png, least = '0.5'] = platform.args
if (platform.args.includes('--help')) platform.print(usage)
else if (png === undefined) throw new Error(`some arguments are missing\n${usage}`)
else await detect()

async function detect(): Promise<void> {
  const image = await decodeImage(await platform.read(picture))
  const { data, info, scale } = netInput(image)
  const workspace = await Workspace.open()
  await workspace.runNetOnce(await platform.read(initNet))
  await workspace.feedBlob('data', data)
  await workspace.feedBlob('im_info', info)
  const start = platform.now()
  await workspace.runNetOnce(await platform.read(predictNet))
  const { backend, build } = await workspace.backend.info()
  platform.print(`${backend} (${build}), ${(platform.now() - start).toFixed(0)} ms\n`)

  const [scores, boxes, classes] = await Promise.all(
    ['score_nms', 'bbox_nms', 'class_nms'].map(async (name) => (await workspace.fetchBlob(name)).data as Float32Array),
  )
  const drawn = { ...image, data: Uint8Array.from(image.data) }
  scores.forEach((score, i) => {
    if (score < Number(least)) return
    const box = Array.from(boxes.subarray(4 * i, 4 * i + 4), (x) => x / scale)
    platform.print(`${score.toFixed(3)}  ${kinds[classes[i] - 1].padEnd(14)} ${box.map(Math.round).join(' ')}\n`)
    outline(drawn, box, classes[i])
  })
  await platform.write(png, await encodePng(drawn))
  await workspace.close()
}

/** Blue first, as they are, channel by channel; the shorter side SIZE long, the longer one twice that at most. */
function netInput(image: Image): { data: Tensor; info: Tensor; scale: number } {
  const size = Number(platform.env('SIZE') ?? 320)
  const [short, long] = [Math.min(image.width, image.height), Math.max(image.width, image.height)]
  const scale = Math.min(size / short, (2 * size) / long)
  const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)]
  const small = resize(image, width, height)
  const plane = width * height
  const data = new Float32Array(3 * plane)
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) data[c * plane + i] = small.data[i * small.channels + (small.channels < 3 ? 0 : 2 - c)]
  }
  return { data: tensor(data, [1, 3, height, width]), info: tensor([[height, width, scale]]), scale }
}

/** A frame three pixels wide, in a colour of the kind's own. */
function outline(
  image: { width: number; height: number; channels: number; data: Uint8Array },
  box: number[],
  kind: number,
) {
  const [left, top, right, bottom] = box.map(Math.round)
  const colour = [(kind * 97) % 256, 255 - ((kind * 57) % 256), (kind * 151) % 256, 255]
  const paint = (x: number, y: number) => {
    if (x < 0 || y < 0 || x >= image.width || y >= image.height) return
    const at = (y * image.width + x) * image.channels
    for (let c = 0; c < image.channels; c++) image.data[at + c] = colour[c]
  }
  for (let wide = 0; wide < 3; wide++) {
    for (let x = left; x <= right; x++) for (const y of [top + wide, bottom - wide]) paint(x, y)
    for (let y = top; y <= bottom; y++) for (const x of [left + wide, right - wide]) paint(x, y)
  }
}
