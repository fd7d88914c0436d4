// SPDX-License-Identifier: Apache-2.0
// One side of a comparison, wherever it runs: opens what it is told, then answers requests. The clock is read here, next
// to the run, so that asking costs nothing.

const openers = {
  portafilter: () => import('./ours.mjs'),
  products: () => import('./products.mjs'),
  training: () => import('./training.mjs'),
  int8: () => import('./int8.mjs'),
  'onnxruntime-web': () => import('../peers/onnxruntime-web.mjs'),
  'onnxruntime-node': () => import('../peers/onnxruntime-node.mjs'),
  'tfjs-wasm': () => import('../peers/tensorflow.mjs'),
  'tfjs-training': () => import('../peers/tensorflow-training.mjs'),
}

/** Runs `warmup` times, then `count` times by the clock. */
export async function timed(run, { warmup = 0, count = 1 }) {
  for (let i = 0; i < warmup; i++) await run()
  const times = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  return times
}

let side

const requests = {
  /** Answers what the side is: versions, build, threads. */
  async open(spec) {
    const { open } = await openers[spec.runtime]()
    side = await open(spec)
    return side.info
  },
  run: (options) => timed(side.run, options),
  output: async () => Array.from(await side.run()),
  /** Anything else that a side can do, by name. */
  ask: ({ what, ...options }) => side[what](options),
}

/** @param {{request: string}} message */
export async function answer({ request, ...options }) {
  return requests[request](options)
}
